using System.Reflection;
using System.Runtime.InteropServices;
using static DeconvService.Imaging.Vips.VipsNative;

namespace DeconvService.Imaging.Vips;

/// <summary>Finds libvips, beside the app or in the system, and sets it up once for the process.</summary>
internal static class VipsLibrary
{
    /// <summary>What a client and a skipped test are told when there is no libvips.</summary>
    public const string NotFound =
        "Pictures cannot be read or written: libvips is not there. Build where npm is installed, or install libvips (apt-get install libvips42).";

    private static readonly Lazy<nint> Handle = new(Load);
    private static readonly Lazy<bool> Initialised = new(Initialise);

    /// <summary>Whether libvips was found and set up.</summary>
    public static bool IsAvailable => Initialised.Value;

    /// <summary>Throws unless libvips is there.</summary>
    /// <exception cref="ImageException"><see cref="ImageFault.Unavailable"/>.</exception>
    public static void EnsureAvailable()
    {
        if (!IsAvailable)
            throw new ImageException(ImageFault.Unavailable, NotFound);
    }

    private static nint Load()
    {
        // The bundled library first: it is the version that was tested, and the system's may lack formats.
        string[] beside = [AppContext.BaseDirectory, Path.GetDirectoryName(typeof(VipsLibrary).Assembly.Location) ?? ""];
        foreach (var directory in beside)
        {
            if (NativeLibrary.TryLoad(Path.Combine(directory, Library), out var handle))
                return handle;
        }

        string[] system = [Library, "libvips.42.dylib", "libvips-42.dll"];
        foreach (var name in system)
        {
            if (NativeLibrary.TryLoad(name, out var handle))
                return handle;
        }

        return 0;
    }

    private static bool Initialise()
    {
        if (Handle.Value == 0)
            return false;
        NativeLibrary.SetDllImportResolver(
            Assembly.GetExecutingAssembly(),
            static (name, _, _) => string.Equals(name, Library, StringComparison.Ordinal) ? Handle.Value : 0);

        // Broken pictures would otherwise write a line each to standard error.
        _ = g_setenv("VIPS_WARNING", "0", 1);
        if (vips_init("DeconvService") != 0)
            return false;
        // The cache of operations would keep pictures of earlier requests; parallelism is the host's business.
        vips_cache_set_max(0);
        vips_concurrency_set(1);

        // Loaders are allowed by name; what libvips itself calls untrusted stays blocked in any case.
        vips_operation_block_set("VipsForeignLoad", 1);
        foreach (var loader in (string[])["Jpeg", "Png", "Webp", "Nsgif", "Tiff"])
            vips_operation_block_set("VipsForeignLoad" + loader, 0);
        vips_block_untrusted_set(1);
        return true;
    }

    /// <summary>Makes the exception for a call that failed, with the library's own words for the log.</summary>
    public static ImageException Failure(ImageFault fault, string message)
    {
        var native = vips_error_buffer_copy();
        try
        {
            var words = Marshal.PtrToStringUTF8(native)?.Trim();
            return new ImageException(fault, message, string.IsNullOrEmpty(words) ? null : words);
        }
        finally
        {
            g_free(native);
        }
    }
}
