namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>What <see cref="DepthwisePlan{V}"/> needs to know of a shape: it is worked out once for layers that are planned again and again.</summary>
internal sealed class DepthwiseGeometry
{
    private DepthwiseGeometry(ConvShape shape, DepthwiseCut cut, bool separable)
    {
        (Cut, Taps) = (cut, Sort(cut, separable));
        Key = $"{shape.Kind} {string.Join(' ', shape.Axes.Select(axis => $"{axis.Stride} {axis.Dilation} {axis.PadBegin}"))} {Taps[0, 0, 0].RowStep} {cut.Pieces}";
    }

    /// <summary>How planes are cut.</summary>
    public DepthwiseCut Cut { get; }

    /// <summary>The taps of every phase <c>[depth, height, width]</c>; of the separable form only those along y.</summary>
    public DepthwiseTaps[,,] Taps { get; }

    /// <summary>Equal exactly where the weights of a layer are packed alike.</summary>
    public string Key { get; }

    /// <summary>The geometry of a layer, or null where <see cref="DepthwiseCut"/> has none.</summary>
    public static DepthwiseGeometry? TryCreate(ConvShape shape, bool separable, int lanes)
    {
        bool pieces = !separable && TapAxis.Of(shape)[1].Grid == 1;
        return DepthwiseCut.TryCreate(shape, separable, pieces, lanes) is { } cut ? new DepthwiseGeometry(shape, cut, separable) : null;
    }

    private static DepthwiseTaps[,,] Sort(DepthwiseCut cut, bool separable)
    {
        TapAxis z = cut.Z, y = cut.Y;
        var taps = new DepthwiseTaps[z.Phases.Length, y.Phases.Length, cut.X.Phases.Length];
        int tableLines = cut.TableLines(1), weights = 0;
        for (int pass = 0; pass < 2; pass++)
        {
            weights = 0;
            int rowStep = 1;
            for (int rz = 0; rz < z.Phases.Length; rz++)
                for (int ry = 0; ry < y.Phases.Length; ry++)
                    for (int rx = 0; rx < cut.X.Phases.Length; rx++)
                    {
                        (int, int)[] slices = Array.ConvertAll(z.Phases[rz], tap => (tap.Kernel, tap.Shift * tableLines));
                        (int Kernel, int Line)[] rows = [.. y.Phases[ry].Select(tap => (tap.Kernel, y.Shifts[tap.Shift] - cut.FirstLine)).OrderBy(row => row.Item2)];
                        (int, int)[] columns = Array.ConvertAll(cut.X.Phases[rx], tap => (tap.Kernel, (tap.Residue * cut.PartPitch) + tap.Offset));
                        if (separable)
                            taps[rz, ry, rx] = rx > 0 ? taps[rz, ry, 0] : DepthwiseTaps.Sort([(0, 0)], y, rows, 1, [(0, 0)], weights);
                        else if (cut.Square)
                            taps[rz, ry, rx] = DepthwiseTaps.SortSquare(rows, columns, cut.X.First, cut.X.LineStep);
                        else if (cut.Pieces)
                            taps[rz, ry, rx] = DepthwiseTaps.SortPieces(slices, rows, y.Kernel, cut.X.Axis.Kernel, columns, weights);
                        else
                            taps[rz, ry, rx] = DepthwiseTaps.Sort(slices, y, rows, cut.X.Axis.Kernel, columns, weights);

                        weights += separable && rx > 0 ? 0 : taps[rz, ry, rx].Order.Length;
                        rowStep = Math.Max(rowStep, taps[rz, ry, rx].RowStep);
                    }

            // How far the slices lie apart in the table depends on the steps that were found.
            tableLines = cut.TableLines(rowStep);
        }

        return taps;
    }
}
