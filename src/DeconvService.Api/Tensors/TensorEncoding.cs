namespace DeconvService.Api.Tensors;

/// <summary>How a tensor is written into an answer.</summary>
public enum TensorEncoding
{
    /// <summary><c>application/json</c>: <c>{"output":{"shape":[...],"data":[...]}}</c>.</summary>
    Json,

    /// <summary><c>application/x-npy</c>: one NumPy array, <c>&lt;f4</c>, version 1.0.</summary>
    Npy,

    /// <summary><c>application/x-npz</c>: a NumPy archive with the one array <c>output</c>, stored.</summary>
    Npz,
}
