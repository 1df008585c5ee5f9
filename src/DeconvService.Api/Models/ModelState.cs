namespace DeconvService.Api.Models;

/// <summary>Whether a version of a network can run, in the words of the model repository extension.</summary>
internal enum ModelState
{
    /// <summary>It is being read.</summary>
    Loading,

    /// <summary>It takes requests.</summary>
    Ready,

    /// <summary>It cannot run; the reason says why.</summary>
    Unavailable,
}

/// <summary>A version of a network as the repository knows it.</summary>
/// <param name="File">Where it lies.</param>
/// <param name="State">Whether it can run.</param>
/// <param name="Reason">Why it cannot, or empty.</param>
/// <param name="Failed">Whether it should run and cannot, other than one that was unloaded.</param>
/// <param name="Model">The network in memory when it is ready.</param>
internal sealed record ModelSlot(ModelFile File, ModelState State, string Reason = "", bool Failed = false, ServedModel? Model = null);
