namespace DeconvService.Onnx.Execution;

/// <summary>What an operator sees of a node while it plans.</summary>
internal sealed class NodeContext;
