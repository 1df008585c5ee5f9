using System.Globalization;
using DeconvService.Engine;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Proto;
using Google.Protobuf;

namespace DeconvService.Onnx.Tests.Loading;

/// <summary>Broken files, made by chance from sound ones: each is refused in the way that is meant for it, or runs.</summary>
public sealed class MutationTests : IDisposable
{
    // More rounds, from another seed, when somebody has the time.
    private static readonly int Rounds = int.Parse(Environment.GetEnvironmentVariable("MUTATION_ROUNDS") ?? "1500", CultureInfo.InvariantCulture);
    private static readonly int Seed = int.Parse(Environment.GetEnvironmentVariable("MUTATION_SEED") ?? "20260", CultureInfo.InvariantCulture);

    private readonly ConvolutionEngine _engine = new();

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void Load_MutatedBytes_ThrowsNothingElse()
    {
        byte[][] files = [.. SmallModels.All.Select(model => model.ToBytes())];
        var random = new Random(Seed);
        for (int round = 0; round < Rounds; round++)
        {
            byte[] file = [.. files[random.Next(files.Length)]];
            for (int i = random.Next(1, 6); i > 0; i--)
                file[random.Next(file.Length)] = (byte)random.Next(256);

            TryRun(random.Next(4) == 0 ? file[..random.Next(file.Length)] : file, round);
        }
    }

    [Fact]
    public void Load_MutatedFields_ThrowsNothingElse()
    {
        var random = new Random(Seed + 1);
        ModelBuilder[] models = [.. SmallModels.All];
        for (int round = 0; round < Rounds; round++)
        {
            ModelProto model = models[random.Next(models.Length)].Proto.Clone();
            for (int i = random.Next(1, 4); i > 0; i--)
                Mutate(model, random);

            TryRun(model.ToByteArray(), round);
        }
    }

    private static void Mutate(ModelProto model, Random random)
    {
        GraphProto graph = model.Graph;
        NodeProto node = graph.Node[random.Next(graph.Node.Count)];
        switch (random.Next(8))
        {
            case 0:
                graph.Node[random.Next(graph.Node.Count)].OpType = graph.Node[random.Next(graph.Node.Count)].OpType;
                break;
            case 1 when node.Input.Count > 0:
                node.Input[random.Next(node.Input.Count)] = AnyName(graph, random);
                break;
            case 2 when node.Input.Count > 0:
                node.Input.RemoveAt(random.Next(node.Input.Count));
                break;
            case 3 when node.Attribute.Count > 0:
                AttributeProto attribute = node.Attribute[random.Next(node.Attribute.Count)];
                attribute.I = AnyNumber(random);
                if (attribute.Ints.Count > 0)
                    attribute.Ints[random.Next(attribute.Ints.Count)] = AnyNumber(random);

                break;
            case 4 when node.Attribute.Count > 0:
                node.Attribute.RemoveAt(random.Next(node.Attribute.Count));
                break;
            case 5 when graph.Initializer.Count > 0:
                TensorProto tensor = graph.Initializer[random.Next(graph.Initializer.Count)];
                if (tensor.Int64Data.Count > 0)
                    tensor.Int64Data[random.Next(tensor.Int64Data.Count)] = AnyNumber(random);
                else if (tensor.Dims.Count > 1)
                    (tensor.Dims[0], tensor.Dims[1]) = (tensor.Dims[1], tensor.Dims[0]);

                break;
            case 6:
                model.OpsetImport[0].Version = random.Next(6, 24);
                break;
            default:
                graph.Node.Add(new NodeProto(node) { Name = "again" });
                graph.Node[^1].Output[0] = AnyName(graph, random);
                break;
        }
    }

    private static string AnyName(GraphProto graph, Random random)
    {
        string[] names = [.. graph.Node.SelectMany(node => node.Output), .. graph.Initializer.Select(tensor => tensor.Name), "x", string.Empty];
        return names[random.Next(names.Length)];
    }

    private static long AnyNumber(Random random) => random.Next(8) switch
    {
        0 => -1,
        1 => 0,
        2 => long.MaxValue,
        3 => long.MinValue,
        4 => int.MaxValue,
        5 => random.Next(-5, 5),
        _ => random.Next(-100_000, 100_000),
    };

    private void TryRun(byte[] file, int round)
    {
        try
        {
            using CompiledModel model = ModelCompiler.Compile(OnnxModel.Load(file), _engine);
            TensorShape[] shapes = [.. model.Inputs.Select(input => new TensorShape([.. (input.Dimensions ?? [new(1), new(3), new(8), new(8)]).Select((dimension, axis) => dimension.Size >= 0 ? dimension.Size : axis == 1 ? 3 : 8)]))];
            PreparedModel prepared = model.Prepare(shapes);

            // A sound file may still ask for a great deal; whoever serves it looks at these numbers first.
            if (prepared.MemoryBytes > 1 << 24 || prepared.MultiplyAdds > 1 << 24)
                return;

            using ModelRun run = prepared.Rent();
            run.Execute(TestContext.Current.CancellationToken);
        }
        catch (OnnxModelException)
        {
            // What is meant to happen.
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"round {round}: {e.GetType().Name}: {e.Message}", e);
        }
    }
}
