using DeconvService.Api.Errors;
using DeconvService.Api.Operators;
using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Tests.Operators;

public sealed class ShapeRequestTests : IDisposable
{
    private readonly RequestReading _reading = new();

    public void Dispose() => _reading.Dispose();

    [Fact]
    public async Task ReadShapeAsync_Json_GivesSizesAndParameters()
    {
        ShapeRequest shape = await _reading.ReadShapeAsync(RequestReading.Json(
            """{"inputShape":[1,3,55,55],"weightShape":[8,3,21,21],"biasShape":[8],"padding":20}"""));
        Assert.Equal([1, 3, 55, 55], shape.Input.Sizes);
        Assert.Equal([8, 3, 21, 21], shape.Weight.Sizes);
        Assert.Equal(8, shape.BiasLength);
        Assert.Equal(20, shape.Parameters.Padding);
        Assert.Equal([1, 8, 75, 75], shape.CreateShape().Output.Sizes);
    }

    [Fact]
    public async Task ReadShapeAsync_Query_GivesTheSame()
    {
        ShapeRequest shape = await _reading.ReadShapeAsync(RequestReading.Request([], null, "?inputShape=1,3,55,55&weightShape=[8,3,21,21]&padding=20"));
        Assert.Equal([1, 8, 75, 75], shape.CreateShape().Output.Sizes);
        Assert.Null(shape.BiasLength);
    }

    [Fact]
    public async Task ReadShapeAsync_TensorBeyondTheLimits_IsFine()
    {
        ShapeRequest shape = await _reading.ReadShapeAsync(RequestReading.Json("""{"inputShape":[1,3,200000,200000],"weightShape":[8,3,3,3]}"""));
        Assert.Equal(120_000_000_000, shape.Input.Count);
    }

    [Theory]
    [InlineData("""{"inputShape":[1,1,5]}""")]
    [InlineData("""{"inputShape":[1,1,-5],"weightShape":[1,1,1]}""")]
    [InlineData("""{"inputShape":[1,1,3000000000],"weightShape":[1,1,1]}""")]
    [InlineData("""{"inputShape":[2000000000,2000000000,2000000000],"weightShape":[1,1,1]}""")]
    [InlineData("""{"inputShape":"1,1,5","weightShape":[1,1,1]}""")]
    [InlineData("""{"inputShape":[1,1,5],"weightShape":[1,1,1],"biasShape":[1,1]}""")]
    public async Task ReadShapeAsync_WrongSizes_AreOneFault(string json)
    {
        ServiceException exception = await Assert.ThrowsAsync<ServiceException>(() => _reading.ReadShapeAsync(RequestReading.Json(json)));
        Assert.Contains(Assert.Single(exception.Faults).Kind, (ServiceErrorKind[])[ServiceErrorKind.MissingField, ServiceErrorKind.InvalidField]);
    }

    [Fact]
    public async Task CreateShape_FaultsOfParametersAndSizes_AreReportedTogether()
    {
        ShapeRequest shape = await _reading.ReadShapeAsync(RequestReading.Json("""{"inputShape":[1,4,9,9],"weightShape":[8,3,3,3],"strides":2}"""));
        ServiceException exception = Assert.Throws<ServiceException>(shape.CreateShape);
        Assert.Equal([ServiceErrorKind.UnknownField, ServiceErrorKind.InvalidShape], exception.Faults.Select(fault => fault.Kind).Take(2));
    }
}
