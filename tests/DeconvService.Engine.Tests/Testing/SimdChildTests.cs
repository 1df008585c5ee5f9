using DeconvService.Testing;

namespace DeconvService.Engine.Tests.Testing;

public sealed class SimdChildTests
{
    public static TheoryData<string> Variables => [.. SimdChild.Switches.Select(item => item.Variable)];

    [Theory]
    [MemberData(nameof(Variables))]
    public void RunClass_WithSwitch_ChildHasTheExpectedLevel(string variable)
    {
        SimdSwitch setting = SimdChild.Switches.Single(item => string.Equals(item.Variable, variable, StringComparison.Ordinal));
        SimdChild.RunClass(typeof(SimdChildSubject), setting, TimeSpan.FromMinutes(1));
    }

    [Fact]
    public void RunClass_LevelIsNotTheExpectedOne_Throws()
    {
        var wrong = new SimdSwitch("DOTNET_NoSuchSwitch", 64);
        var exception = Assert.Throws<InvalidOperationException>(() => SimdChild.RunClass(typeof(SimdChildSubject), wrong, TimeSpan.FromMinutes(1)));
        Assert.Contains("expected vectors of 64 bits", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RunClass_ClassWithoutTests_Throws() =>
        Assert.Throws<InvalidOperationException>(() => SimdChild.RunClass(typeof(string), new SimdSwitch("DOTNET_NoSuchSwitch", 0), TimeSpan.FromMinutes(1)));
}

/// <summary>What the children run.</summary>
public sealed class SimdChildSubject
{
    [Fact]
    public void Level_IsTheExpectedOne() => SimdChild.AssertExpectedLevel();
}
