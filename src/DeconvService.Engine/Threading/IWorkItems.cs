namespace DeconvService.Engine.Threading;

/// <summary>Numbered pieces of one piece of work; several threads may execute different items at once.</summary>
public interface IWorkItems
{
    /// <summary>Executes item <paramref name="item"/> on behalf of worker <paramref name="worker"/> (0 is the caller).</summary>
    void Execute(int item, int worker);
}
