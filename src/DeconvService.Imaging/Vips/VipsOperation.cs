using static DeconvService.Imaging.Vips.VipsNative;

namespace DeconvService.Imaging.Vips;

/// <summary>One operation of libvips: named, given its arguments, run once.</summary>
internal ref struct VipsOperation
{
    private nint _operation;

    /// <summary>Creates an operation, or throws if this libvips has none of that name.</summary>
    public VipsOperation(string nickname)
    {
        _operation = vips_operation_new(nickname);
        if (_operation == 0)
            throw VipsLibrary.Failure(ImageFault.Unsupported, "The picture's format is not supported by the libvips that is installed.");
    }

    /// <summary>Sets a picture or a target.</summary>
    public readonly unsafe void Set(string name, nint gObject, nuint type)
    {
        GValue value = default;
        g_value_init(&value, type);
        g_value_set_object(&value, gObject);
        g_object_set_property(_operation, name, &value);
        g_value_unset(&value);
    }

    /// <summary>Sets bytes that stay the caller's and must outlive every picture made from them.</summary>
    public readonly unsafe void Set(string name, void* data, nuint length)
    {
        GValue value = default;
        var blob = vips_blob_new(0, data, length);
        g_value_init(&value, vips_blob_get_type());
        g_value_set_boxed(&value, blob);
        g_object_set_property(_operation, name, &value);
        g_value_unset(&value);
        vips_area_unref(blob);
    }

    /// <summary>Sets plain arguments, <c>name=value,name=value</c>.</summary>
    public readonly void Set(string options)
    {
        if (vips_object_set_from_string(_operation, options) != 0)
            throw VipsLibrary.Failure(ImageFault.Unsupported, "The libvips that is installed lacks an option that is needed.");
    }

    /// <summary>Runs the operation; false if it failed.</summary>
    public readonly bool TryRun() => vips_object_build(_operation) == 0;

    /// <summary>The picture that came out, with a reference that the caller owns.</summary>
    public readonly unsafe VipsImage Output()
    {
        GValue value = default;
        g_value_init(&value, vips_image_get_type());
        g_object_get_property(_operation, "out", &value);
        var image = g_object_ref(g_value_get_object(&value));
        g_value_unset(&value);
        return new VipsImage(image);
    }

    public void Dispose()
    {
        vips_object_unref_outputs(_operation);
        g_object_unref(_operation);
        _operation = 0;
    }
}

/// <summary>A picture of libvips: a header, and a recipe by which pixels are made when somebody asks for them.</summary>
internal readonly struct VipsImage(nint pointer) : IDisposable
{
    public nint Pointer => pointer;

    public int Width => vips_image_get_width(pointer);

    public int Height => vips_image_get_height(pointer);

    public int Bands => vips_image_get_bands(pointer);

    public int Format => vips_image_get_format(pointer);

    public int Interpretation => vips_image_get_interpretation(pointer);

    /// <summary>EXIF orientation, 1 (upright) to 8.</summary>
    public int Orientation => vips_image_get_orientation(pointer);

    public bool HasAlpha => vips_image_hasalpha(pointer) != 0;

    public bool HasProfile => vips_image_get_typeof(pointer, "icc-profile-data") != 0;

    /// <summary>Bytes of one pixel: bands times the size of a sample.</summary>
    public int PixelBytes => Bands * Format switch { 0 or 1 => 1, 2 or 3 => 2, 8 => 8, 9 => 16, 7 => 8, _ => 4 };

    /// <summary>Applies an operation with one picture in and one out; null if it failed.</summary>
    public VipsImage? TryApply(string nickname, string options = "")
    {
        using var operation = new VipsOperation(nickname);
        operation.Set("in", pointer, vips_image_get_type());
        if (options.Length > 0)
            operation.Set(options);
        return operation.TryRun() ? operation.Output() : null;
    }

    public void Dispose() => g_object_unref(pointer);
}
