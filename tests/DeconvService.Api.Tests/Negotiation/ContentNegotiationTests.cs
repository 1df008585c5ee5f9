using DeconvService.Api.Errors;
using DeconvService.Api.Negotiation;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace DeconvService.Api.Tests.Negotiation;

public sealed class ContentNegotiationTests
{
    [Theory]
    [InlineData(null, "application/json")]
    [InlineData("", "application/json")]
    [InlineData("*/*", "application/json")]
    [InlineData("application/*", "application/json")]
    [InlineData("application/x-npy", "application/x-npy")]
    [InlineData("APPLICATION/X-NPY", "application/x-npy")]
    [InlineData("application/json;q=0.5, application/x-npy", "application/x-npy")]
    [InlineData("application/x-npy;q=0.5, */*;q=0.1", "application/x-npy")]
    [InlineData("application/x-npy, */*", "application/x-npy")]
    [InlineData("application/x-npz, application/x-npy", "application/x-npz")]
    [InlineData("application/json, text/plain, */*", "application/json")]
    [InlineData("text/html, application/xhtml+xml, */*;q=0.8", "application/json")]
    [InlineData("application/json;q=0, */*", "application/x-npy")]
    [InlineData("application/*;q=0.2, application/x-npz;q=0.1", "application/json")]
    [InlineData("application/json;charset=utf-8", "application/json")]
    public void ChooseMediaType_TakesTheBestQuality(string? accept, string expected)
    {
        var context = new DefaultHttpContext();
        if (accept is not null)
            context.Request.Headers.Accept = accept;

        Assert.Equal(expected, context.ChooseMediaType("application/json", "application/x-npy", "application/x-npz"));
        Assert.Equal("Accept", context.Response.Headers.Vary);
    }

    [Theory]
    [InlineData("image/png")]
    [InlineData("application/json;q=0")]
    [InlineData("text/*")]
    [InlineData("*/*;q=0")]
    [InlineData("nonsense")]
    public void ChooseMediaType_NothingAccepted_ListsWhatThereIs(string accept)
    {
        var context = new DefaultHttpContext();
        context.Request.Headers.Accept = accept;
        ServiceFault fault = Assert.Single(Assert.Throws<ServiceException>(() => context.ChooseMediaType("application/json")).Faults);
        Assert.Equal(ServiceErrorKind.NotAcceptable, fault.Kind);
        Assert.Equal(["application/json"], (string[])fault.Facts.Single(fact => fact.Key == "available").Value);
    }
}
