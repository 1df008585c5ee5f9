using DeconvService.Engine.Kernels;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A block of grid positions of one channel group of one image.</summary>
internal unsafe struct DirectBlock
{
    public int Image;
    public int ChannelGroup;
    public int Depth;
    public int Row;
    public int Rows;
    public int Column;
    public int Columns;

    /// <summary>The block of a number: images, groups, depth, rows and columns, the last the fastest.</summary>
    /// <param name="number">The number.</param>
    /// <param name="groups">Groups of channels.</param>
    /// <param name="depths">Grid positions of the depth.</param>
    /// <param name="rows">How the rows of the grid are cut.</param>
    /// <param name="columns">How its columns are.</param>
    public static DirectBlock At(int number, int groups, int depths, EvenSplit rows, EvenSplit columns)
    {
        (number, int column) = Math.DivRem(number, columns.Pieces);
        (number, int row) = Math.DivRem(number, rows.Pieces);
        (number, int depth) = Math.DivRem(number, depths);
        (int image, int group) = Math.DivRem(number, groups);
        return new DirectBlock
        {
            Image = image,
            ChannelGroup = group,
            Depth = depth,
            Row = rows.Begin(row),
            Rows = rows.Size(row),
            Column = columns.Begin(column),
            Columns = columns.Size(column),
        };
    }

    /// <summary>
    /// What the block, as wide as the image, will read of some channels: rows that follow each other, of one plane of each. Nothing where
    /// more planes are read or none.
    /// </summary>
    /// <param name="input">The images.</param>
    /// <param name="shape">The layer.</param>
    /// <param name="depth">Its depth.</param>
    /// <param name="height">Its height.</param>
    /// <param name="width">Its width.</param>
    /// <param name="channel">The first of the channels in the group.</param>
    /// <param name="channels">How many.</param>
    public readonly ReadAhead Ahead(float* input, ConvShape shape, TapAxis depth, TapAxis height, TapAxis width, int channel, int channels)
    {
        int z = (Depth * depth.InputStep) + depth.Shifts[0];
        if (depth.Shifts.Length > 1 || (uint)z >= (uint)depth.Input)
            return default;

        int first = Math.Clamp((Row * height.InputStep) + height.Shifts[0], 0, height.Input);
        int end = Math.Clamp(((Row + Rows - 1) * height.InputStep) + height.Shifts[^1] + 1, first, height.Input);
        nint before = (Image * (nint)shape.InputChannels) + (ChannelGroup * (nint)(shape.InputChannels / shape.Groups)) + channel;
        nint plane = (nint)height.Input * width.Input, line = (z * (nint)height.Input) + first;
        return new ReadAhead(input + (before * depth.Input * plane) + (line * width.Input), (end - first) * width.Input, channels, depth.Input * plane);
    }
}
