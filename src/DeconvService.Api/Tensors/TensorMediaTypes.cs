namespace DeconvService.Api.Tensors;

/// <summary>The media types of tensors.</summary>
public static class TensorMediaTypes
{
    /// <summary>JSON.</summary>
    public const string Json = "application/json";

    /// <summary>One NumPy array.</summary>
    public const string Npy = "application/x-npy";

    /// <summary>A NumPy archive of named arrays.</summary>
    public const string Npz = "application/x-npz";

    /// <summary>A form with a part for each tensor.</summary>
    public const string Multipart = "multipart/form-data";
}
