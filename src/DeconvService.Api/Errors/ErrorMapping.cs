using DeconvService.Api.Models;
using DeconvService.Api.Models.Pictures;
using DeconvService.Engine.Convolution;
using DeconvService.Imaging;
using DeconvService.Onnx;
using Microsoft.AspNetCore.Http;

namespace DeconvService.Api.Errors;

/// <summary>Turns what is thrown below the handlers into faults for the client.</summary>
internal static class ErrorMapping
{
    /// <summary>The faults that an exception stands for; of what is not known, <see cref="ServiceErrorKind.Internal"/> with nothing to tell.</summary>
    public static IReadOnlyList<ServiceFault> FaultsOf(Exception exception) => exception switch
    {
        ServiceException service => service.Faults,
        ConvShapeException shape => [.. shape.Faults.Select(FaultOf)],
        OnnxModelException model => [ModelFaults.Of(model)],
        ImageException image => [PictureFaults.Of(image)],
        BadHttpRequestException bad => [new ServiceFault(ServiceErrorTable.KindOf(bad.StatusCode), bad.Message)],
        InsufficientMemoryException => [new ServiceFault(ServiceErrorKind.QueueFull, "the requests that are being served take all the memory that they may")],
        OutOfMemoryException => [new ServiceFault(ServiceErrorKind.Unavailable, "there is not enough memory for this request at the moment")],
        _ => [new ServiceFault(ServiceErrorKind.Internal, "the service failed; its log says why under this trace id")],
    };

    private static ServiceFault FaultOf(ConvFault fault) => new(ServiceErrorKind.InvalidShape, fault.Detail)
    {
        Code = fault.Code,
        Title = fault.Title,
        Facts = fault.Facts,
        Suggestions = fault.Suggestions,
    };
}
