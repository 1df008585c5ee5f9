using DeconvService.Onnx.Graphs;

namespace DeconvService.Onnx.Loading;

/// <summary>Brings nodes into an order in which each comes after those whose outputs it takes (Kahn's algorithm), keeping the file's order where it can.</summary>
internal static class TopologicalOrder
{
    /// <summary>Sorts the nodes.</summary>
    /// <exception cref="OnnxModelException">There is a cycle; names a node of it.</exception>
    public static List<Node> Sort(List<Node> nodes)
    {
        Dictionary<Node, int> place = new(nodes.Count);
        for (int i = 0; i < nodes.Count; i++)
            place.Add(nodes[i], i);

        int[] waitsFor = new int[nodes.Count];
        var followers = new List<int>?[nodes.Count];
        for (int i = 0; i < nodes.Count; i++)
        {
            foreach (Value? input in nodes[i].Inputs)
            {
                if (input?.Producer is not { } producer)
                    continue;

                (followers[place[producer]] ??= []).Add(i);
                waitsFor[i]++;
            }
        }

        var ready = new PriorityQueue<int, int>();
        for (int i = 0; i < nodes.Count; i++)
        {
            if (waitsFor[i] == 0)
                ready.Enqueue(i, i);
        }

        List<Node> sorted = new(nodes.Count);
        while (ready.TryDequeue(out int i, out _))
        {
            sorted.Add(nodes[i]);
            foreach (int follower in followers[i] ?? [])
            {
                if (--waitsFor[follower] == 0)
                    ready.Enqueue(follower, follower);
            }
        }

        if (sorted.Count < nodes.Count)
        {
            Node inCycle = nodes[Array.FindIndex(waitsFor, count => count > 0)];
            throw new OnnxModelException(OnnxModelError.Malformed, $"node '{inCycle.Name}' ({inCycle.Operator}) waits for its own output: the graph has a cycle", inCycle.Name);
        }

        return sorted;
    }
}
