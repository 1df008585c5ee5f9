using System.Text;
using DeconvService.Api.Errors;
using DeconvService.Api.Operators;
using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Tests.Operators;

public class ParameterReaderTests
{
    public static TheoryData<string, string, ConvParameters> Values() => new()
    {
        { "stride", "2", new() { Stride = 2 } },
        { "stride", "2.0", new() { Stride = 2 } },
        { "stride", "1e1", new() { Stride = 10 } },
        { "stride", "[2,1]", new() { Stride = new[] { 2, 1 } } },
        { "stride", "null", new() },
        { "dilation", "[1,2,3]", new() { Dilation = new[] { 1, 2, 3 } } },
        { "groups", "4", new() { Groups = 4 } },
        { "padding", "3", new() { Padding = 3 } },
        { "padding", "[1,2]", new() { Padding = ConvPadding.Symmetric(new[] { 1, 2 }) } },
        { "padding", "[[0,1],[2,3]]", new() { Padding = ConvPadding.Pairs(new[] { 0, 2 }, new[] { 1, 3 }) } },
        { "padding", "\"valid\"", new() { Padding = ConvPadding.Valid } },
        { "padding", "\"same\"", new() { Padding = ConvPadding.SameUpper } },
        { "padding", "\"same-upper\"", new() { Padding = ConvPadding.SameUpper } },
        { "padding", "\"same-lower\"", new() { Padding = ConvPadding.SameLower } },
        { "paddingMode", "\"circular\"", new() { PaddingMode = PaddingMode.Circular } },
        { "fit", "\"floor\"", new() { Fit = ConvFit.Floor } },
        { "accuracy", "\"fast\"", new() { Accuracy = Accuracy.Fast } },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public void Set_Value_IsTheParameter(string name, string json, ConvParameters expected)
    {
        var reader = new ParameterReader(ConvKind.Convolution, []);
        reader.Set(name, Encoding.UTF8.GetBytes(json));
        Assert.Empty(reader.Faults);
        AssertEqual(expected, reader.Parameters);

        // As a form writes it: quotes of a word left out.
        var form = new ParameterReader(ConvKind.Convolution, []);
        form.SetText(name, $" {json.Replace("\"", "", StringComparison.Ordinal)} ");
        Assert.Empty(form.Faults);
        AssertEqual(expected, form.Parameters);
    }

    [Theory]
    [InlineData("stride", "\"2\"")]
    [InlineData("stride", "1.5")]
    [InlineData("stride", "1e-40")]
    [InlineData("stride", "true")]
    [InlineData("stride", "{}")]
    [InlineData("stride", "[1,null]")]
    [InlineData("stride", "[[1]]")]
    [InlineData("stride", "99999999999")]
    [InlineData("stride", "1e300")]
    [InlineData("stride", "-1e300")]
    [InlineData("groups", "[1]")]
    [InlineData("padding", "\"full\"")]
    [InlineData("padding", "[[0,1],2]")]
    [InlineData("padding", "[0,[1,2]]")]
    [InlineData("padding", "[[0,1,2]]")]
    [InlineData("padding", "{\"begin\":1}")]
    [InlineData("paddingMode", "\"Zeros\"")]
    [InlineData("paddingMode", "0")]
    [InlineData("fit", "\"ceil\"")]
    [InlineData("accuracy", "[\"fast\"]")]
    public void Set_WrongValue_IsOneFaultThatNamesTheField(string name, string json)
    {
        var reader = new ParameterReader(ConvKind.Convolution, []);
        reader.Set(name, Encoding.UTF8.GetBytes(json));
        ServiceFault fault = Assert.Single(reader.Faults);
        Assert.Equal(ServiceErrorKind.InvalidField, fault.Kind);
        Assert.StartsWith($"{name} ", fault.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("2 3")]
    [InlineData("[1,2")]
    [InlineData("[1]]")]
    [InlineData("same padding")]
    public void SetText_NotAsInJson_IsOneFault(string text)
    {
        var reader = new ParameterReader(ConvKind.Convolution, []);
        reader.SetText("stride", text);
        Assert.Equal(ServiceErrorKind.InvalidField, Assert.Single(reader.Faults).Kind);
    }

    [Theory]
    [InlineData("1,2", "[1,2]")]
    [InlineData("[0,1],[2,3]", "[[0,1],[2,3]]")]
    [InlineData("same-lower", "\"same-lower\"")]
    [InlineData("\"same\"", "\"same\"")]
    public void ToJson_ShortForms_BecomeJson(string text, string json) =>
        Assert.Equal(json, Encoding.UTF8.GetString(ParameterReader.ToJson(text)));

    [Fact]
    public void Set_TransposedParameters_AreRead()
    {
        var reader = new ParameterReader(ConvKind.Transposed, []);
        reader.Set("outputPadding", "[0,1]"u8);
        reader.Set("outputSize", "[75,75]"u8);
        Assert.Equal(new[] { 0, 1 }, reader.Parameters.OutputPadding);
        Assert.Equal(new[] { 75, 75 }, reader.Parameters.OutputSize!.Value);
    }

    [Theory]
    [InlineData("output_padding", "outputPadding")]
    [InlineData("padding_mode", "padding")]
    [InlineData("Stride", "stride")]
    [InlineData("group", "groups")]
    [InlineData("weights", "weight")]
    public void TryTake_UnknownName_NamesTheNearest(string name, string nearest)
    {
        var reader = new ParameterReader(ConvKind.Transposed, ["input", "weight", "bias"]);
        Assert.False(reader.TryTake(name));
        Assert.Contains(new KeyValuePair<string, object>("nearest", nearest), Assert.Single(reader.Faults).Facts);
    }

    private static void AssertEqual(ConvParameters expected, ConvParameters actual)
    {
        Assert.Equal(expected.Padding.Begin, actual.Padding.Begin);
        Assert.Equal(expected, actual);
    }
}
