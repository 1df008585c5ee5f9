using DeconvService.Testing;

namespace DeconvService.Engine.Tests.Algorithms;

/// <summary><see cref="EngineTests"/> once more in processes that lack SIMD instructions.</summary>
public sealed class SimdSwitchTests
{
    public static TheoryData<string> Variables => [.. SimdChild.Switches.Select(item => item.Variable)];

    [Theory]
    [MemberData(nameof(Variables))]
    public void Engine_WithSwitch_PassesItsTests(string variable) =>
        SimdChild.RunClass(
            typeof(EngineTests),
            SimdChild.Switches.Single(item => string.Equals(item.Variable, variable, StringComparison.Ordinal)),
            TimeSpan.FromMinutes(2));
}
