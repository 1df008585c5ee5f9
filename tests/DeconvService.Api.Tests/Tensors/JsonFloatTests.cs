using System.Globalization;
using System.Text;
using DeconvService.Api.Tensors.Json;

namespace DeconvService.Api.Tests.Tensors;

public class JsonFloatTests
{
    [Theory]
    [InlineData("0")]
    [InlineData("-0")]
    [InlineData("0.0e99")]
    [InlineData("1e-45")]
    [InlineData("1.401298464324817e-45")]
    [InlineData("0.7006492321624085e-45")]
    [InlineData("0.7006492321624086e-45")]
    [InlineData("1.1754943508222875e-38")]
    [InlineData("1.1754942106924411e-38")]
    [InlineData("3.4028234663852886e38")]
    [InlineData("3.4028235677973366e38")]
    [InlineData("16777217")]
    [InlineData("16777219")]
    [InlineData("16777217.0000000000000000000001")]
    [InlineData("16777216.9999999999999999999999")]
    [InlineData("18446744073709551616")]
    [InlineData("9999999999999999999")]
    [InlineData("0.00000000000000000000000000000000000001234567890123456789")]
    [InlineData("123456789012345678901234567890")]
    [InlineData("1E+10")]
    [InlineData("1e-400")]
    [InlineData("100000000000000000000000000000000000000000e-40")]
    public void TryRead_EdgeCase_IsWhatTheRuntimeReads(string text) => AssertSameAsRuntime(text);

    [Fact]
    public void TryRead_RandomFloatsInManyForms_IsWhatTheRuntimeReads()
    {
        var random = new Random(1);
        for (int i = 0; i < 60_000; i++)
        {
            float value = BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue));
            if (!float.IsFinite(value))
                continue;

            AssertSameAsRuntime(value.ToString("R", CultureInfo.InvariantCulture));
            AssertSameAsRuntime(((double)value).ToString("R", CultureInfo.InvariantCulture));
            AssertSameAsRuntime((random.NextDouble() - 0.5).ToString("R", CultureInfo.InvariantCulture));

            // On and next to the midpoint between two float32.
            double middle = ((double)value + float.BitIncrement(value)) / 2;
            if (Math.Abs(middle) < float.MaxValue)
            {
                AssertSameAsRuntime(middle.ToString("E20", CultureInfo.InvariantCulture));
                AssertSameAsRuntime(double.BitIncrement(middle).ToString("R", CultureInfo.InvariantCulture));
                AssertSameAsRuntime(double.BitDecrement(middle).ToString("E18", CultureInfo.InvariantCulture));
            }
        }
    }

    [Theory]
    [InlineData("01,")]
    [InlineData("+1,")]
    [InlineData(".5,")]
    [InlineData("1.,")]
    [InlineData("1.e5,")]
    [InlineData("1e,")]
    [InlineData("1e+,")]
    [InlineData("-,")]
    [InlineData("--1,")]
    [InlineData("-Infinity,")]
    public void TryRead_NoJsonNumber_IsMalformed(string text) =>
        Assert.Equal(JsonFloatStatus.Malformed, JsonFloat.TryRead(Encoding.ASCII.GetBytes(text), out _, out _));

    [Theory]
    [InlineData("1e400,")]
    [InlineData("-3.5e38,")]
    [InlineData("3.4028236e38,")]
    public void TryRead_BeyondFloat32_IsOutOfRange(string text) =>
        Assert.Equal(JsonFloatStatus.OutOfRange, JsonFloat.TryRead(Encoding.ASCII.GetBytes(text), out _, out _));

    [Theory]
    [InlineData("-12.5e-3")]
    [InlineData("123456789.123456789")]
    public void TryRead_EveryBeginningOfANumber_IsIncomplete(string text)
    {
        for (int length = 0; length <= text.Length; length++)
            Assert.Equal(JsonFloatStatus.Incomplete, JsonFloat.TryRead(Encoding.ASCII.GetBytes(text[..length]), out _, out _));
    }

    private static void AssertSameAsRuntime(string text)
    {
        Assert.Equal(JsonFloatStatus.Ok, JsonFloat.TryRead(Encoding.ASCII.GetBytes($"{text}]"), out float value, out int length));
        Assert.Equal(text.Length, length);
        float expected = float.Parse(text, CultureInfo.InvariantCulture);
        if (BitConverter.SingleToInt32Bits(expected) != BitConverter.SingleToInt32Bits(value))
            Assert.Fail($"{text} was read as {value:R}, the runtime reads {expected:R}");
    }
}
