using DeconvService.Engine.Kernels;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>The filter's side of Winograd: <c>U = G g G^T</c>, in float64, written where the product reads it.</summary>
internal static unsafe class WinogradFilter
{
    /// <summary>The matrix G <c>[Alpha, taps]</c>; rows as in <see cref="IWinogradTransform"/>.</summary>
    public static double[][] Matrix(ReadOnlySpan<double> points, int taps)
    {
        double[][] rows = new double[points.Length + 1][];
        for (int i = 0; i < points.Length; i++)
        {
            double scale = 1;
            for (int j = 0; j < points.Length; j++)
                scale *= j == i ? 1 : points[i] - points[j];

            rows[i] = new double[taps];
            double power = 1 / scale;
            for (int k = 0; k < taps; k++, power *= points[i])
                rows[i][k] = power;
        }

        rows[^1] = new double[taps];
        rows[^1][taps - 1] = 1;
        return rows;
    }

    /// <summary>The matrix of each tap of a phase in the order of the kernel, so that <c>U[i] = sum over taps of column[i] * g[tap]</c>.</summary>
    public static double[][] Columns(double[][] matrix, WinogradGrid grid, int phase) =>
        Array.ConvertAll(grid.Axis.Phases[phase], tap => Array.ConvertAll(matrix, row => row[grid.Axis.Shifts[tap.Shift] - grid.Low[phase]]));
}
