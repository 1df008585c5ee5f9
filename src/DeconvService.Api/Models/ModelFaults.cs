using DeconvService.Api.Errors;
using DeconvService.Onnx;

namespace DeconvService.Api.Models;

/// <summary>What clients are told about networks that are missing, broken or do not take their input.</summary>
internal static class ModelFaults
{
    /// <summary>The fault that an exception of the network stands for.</summary>
    public static ServiceFault Of(OnnxModelException exception) => exception.Error switch
    {
        OnnxModelError.Unsupported when exception.UnsupportedOperators.Count > 0 =>
            new(ServiceErrorKind.UnsupportedOperators, exception.Message) { Facts = [new("operators", exception.UnsupportedOperators)] },
        OnnxModelError.InputShape => new(ServiceErrorKind.InvalidShape, exception.Message) { Facts = FactsOf(exception) },
        _ => new(ServiceErrorKind.InvalidModel, exception.Message) { Facts = FactsOf(exception) },
    };

    /// <summary>There is no such network, or no such version of it.</summary>
    public static ServiceException NotFound(string name, string? version, IReadOnlyList<string> available) => new(
        new ServiceFault(
            ServiceErrorKind.NotFound,
            version is null ? $"there is no network '{Shorten(name)}'" : $"there is no version '{Shorten(version)}' of the network '{Shorten(name)}'")
        {
            Facts = [new("available", available)],
        });

    /// <summary>The network is there but cannot run now.</summary>
    public static ServiceException NotReady(string name, string reason) =>
        new(new ServiceFault(ServiceErrorKind.Unavailable, $"the network '{name}' is not ready: {reason}") { Facts = [new("reason", reason)] });

    private static KeyValuePair<string, object>[] FactsOf(OnnxModelException exception) =>
        exception.Node is { } node ? [new("node", node)] : [];

    private static string Shorten(string text) => text.Length <= 128 ? text : $"{text.AsSpan(0, 128)}...";
}
