using System.ComponentModel.DataAnnotations;

namespace DeconvService.Api.Models;

/// <summary>Where the networks lie and how pictures go through them: the section <c>Models</c> of the configuration.</summary>
public sealed class ModelsOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "Models";

    /// <summary>
    /// The directory of the networks, <c>name.onnx</c> or <c>name/version/model.onnx</c>. A relative path starts at the folder of the program.
    /// Default <c>models</c>, which holds the networks that come with the service.
    /// </summary>
    [Required(ErrorMessage = "{0} must name a directory.")]
    public string Directory { get; init; } = "models";

    /// <summary>
    /// Bytes that one tile of a picture, or the two tiles that run at once of a tensor that is a picture, may take inside the network. 1 MiB to
    /// 16 GiB, default 80 MiB. Smaller tiles compute more of their neighbours and have shorter rows: upconv_7 took 6 and 10 % longer at 24 MiB,
    /// 2 and 3 % at 40, for a fifth to a quarter less memory.
    /// </summary>
    [Range(1L << 20, 16L << 30, ErrorMessage = "{0} must be {1} to {2} bytes.")]
    public long TileBytes { get; init; } = 80L << 20;

    /// <summary>
    /// Bytes that a picture may take inside a network that cannot be run in tiles because it looks at the whole picture at once. 1 MiB to
    /// 1 TiB, default 1 GiB.
    /// </summary>
    [Range(1L << 20, 1L << 40, ErrorMessage = "{0} must be {1} to {2} bytes.")]
    public long WholePictureBytes { get; init; } = 1L << 30;
}
