using System.Runtime.InteropServices;

namespace DeconvService.Imaging.Vips;

/// <summary>
/// The functions of libvips (ABI 42, version 8.14 or later) that the codec uses, and those of GLib that are found through the
/// same library. None is variadic: C# cannot call those portably.
/// </summary>
internal static unsafe partial class VipsNative
{
    /// <summary>The name that <see cref="VipsLibrary"/> resolves.</summary>
    public const string Library = "libvips.so.42";

    // VipsBandFormat, VipsInterpretation, VipsCoding, VipsDemandStyle
    public const int FormatUchar = 0;
    public const int InterpretationBlackAndWhite = 1;
    public const int InterpretationCmyk = 15;
    public const int InterpretationSrgb = 22;
    public const int CodingNone = 0;
    public const int DemandThinStrip = 2;

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int vips_init(string name);

    [LibraryImport(Library)]
    public static partial int vips_version(int flag);

    [LibraryImport(Library)]
    public static partial void vips_cache_set_max(int max);

    [LibraryImport(Library)]
    public static partial void vips_concurrency_set(int concurrency);

    [LibraryImport(Library)]
    public static partial void vips_block_untrusted_set(int state);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial void vips_operation_block_set(string name, int state);

    /// <summary>Takes the messages that have piled up in the whole process; free with <see cref="g_free"/>.</summary>
    [LibraryImport(Library)]
    public static partial nint vips_error_buffer_copy();

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint vips_operation_new(string nickname);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int vips_object_set_from_string(nint vipsObject, string options);

    [LibraryImport(Library)]
    public static partial int vips_object_build(nint vipsObject);

    [LibraryImport(Library)]
    public static partial void vips_object_unref_outputs(nint vipsObject);

    [LibraryImport(Library)]
    public static partial nuint vips_image_get_type();

    [LibraryImport(Library)]
    public static partial nuint vips_blob_get_type();

    [LibraryImport(Library)]
    public static partial nuint vips_target_get_type();

    [LibraryImport(Library)]
    public static partial nint vips_blob_new(nint freeFunction, void* data, nuint length);

    [LibraryImport(Library)]
    public static partial void vips_area_unref(nint area);

    [LibraryImport(Library)]
    public static partial int vips_image_get_width(nint image);

    [LibraryImport(Library)]
    public static partial int vips_image_get_height(nint image);

    [LibraryImport(Library)]
    public static partial int vips_image_get_bands(nint image);

    [LibraryImport(Library)]
    public static partial int vips_image_get_format(nint image);

    [LibraryImport(Library)]
    public static partial int vips_image_get_interpretation(nint image);

    [LibraryImport(Library)]
    public static partial int vips_image_get_orientation(nint image);

    [LibraryImport(Library)]
    public static partial int vips_image_hasalpha(nint image);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nuint vips_image_get_typeof(nint image, string field);

    [LibraryImport(Library)]
    public static partial nint vips_image_new();

    [LibraryImport(Library)]
    public static partial void vips_image_init_fields(
        nint image, int width, int height, int bands, int format, int coding, int interpretation, double xres, double yres);

    [LibraryImport(Library)]
    public static partial int vips_image_pipeline_array(nint image, int demandStyle, nint* inputs);

    [LibraryImport(Library)]
    public static partial int vips_image_generate(
        nint image,
        nint start,
        delegate* unmanaged<VipsRegion*, void*, void*, void*, int*, int> generate,
        nint stop,
        nint a,
        nint b);

    [LibraryImport(Library)]
    public static partial nint vips_region_new(nint image);

    [LibraryImport(Library)]
    public static partial nint vips_region_fetch(nint region, int left, int top, int width, int height, nuint* length);

    [LibraryImport(Library)]
    public static partial nint vips_target_custom_new();

    [LibraryImport(Library)]
    public static partial nint g_object_ref(nint gObject);

    [LibraryImport(Library)]
    public static partial void g_object_unref(nint gObject);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial void g_object_set_property(nint gObject, string name, GValue* value);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial void g_object_get_property(nint gObject, string name, GValue* value);

    [LibraryImport(Library)]
    public static partial GValue* g_value_init(GValue* value, nuint type);

    [LibraryImport(Library)]
    public static partial void g_value_unset(GValue* value);

    [LibraryImport(Library)]
    public static partial void g_value_set_object(GValue* value, nint gObject);

    [LibraryImport(Library)]
    public static partial nint g_value_get_object(GValue* value);

    [LibraryImport(Library)]
    public static partial void g_value_set_boxed(GValue* value, nint boxed);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nuint g_signal_connect_data(
        nint gObject, string signal, nint handler, nint data, nint destroy, int flags);

    [LibraryImport(Library)]
    public static partial void g_free(nint memory);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int g_setenv(string name, string value, int overwrite);
}

/// <summary>GLib's GValue: a type and 16 bytes for the value.</summary>
internal struct GValue
{
    public nuint Type;
    public long Data0;
    public long Data1;
}

/// <summary>
/// The beginning of VipsRegion as vips/region.h declares it. The header's macros (VIPS_REGION_ADDR) compile these offsets
/// into every program that uses libvips, so they belong to the ABI that the 42 of libvips.so.42 stands for.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct VipsRegion
{
    private fixed long _vipsObject[10];
    public nint Image;
    public int Left;
    public int Top;
    public int Width;
    public int Height;
    public int RegionType;
    public byte* Data;
    public int BytesPerLine;
}
