using DeconvService.Api.Health;
using Xunit;

namespace DeconvService.Api.Tests.Health;

public sealed class HealthCheckCommandTests
{
    [Theory]
    [InlineData(null, null, 8080)]
    [InlineData("", "", 8080)]
    [InlineData(null, "8081", 8081)]
    [InlineData(null, "8082;8083", 8082)]
    [InlineData("http://localhost:5000", "8081", 5000)]
    [InlineData("https://localhost:5001;http://+:5002/", null, 5002)]
    [InlineData("http://[::]:5003", null, 5003)]
    [InlineData("http://*", null, 80)]
    public void PortOf_WhereTheServerListens_IsThatPort(string? urls, string? ports, int expected) =>
        Assert.Equal(expected, HealthCheckCommand.PortOf(urls, ports));

    [Fact]
    public async Task RunAsync_NobodyListens_FailsWithoutThrowing() =>
        Assert.Equal(1, await HealthCheckCommand.RunAsync(port: 1));

    [Theory]
    [InlineData("--health-check", true)]
    [InlineData("--urls", false)]
    public void IsAskedFor_FirstArgument_Decides(string argument, bool expected) =>
        Assert.Equal(expected, HealthCheckCommand.IsAskedFor([argument]));
}
