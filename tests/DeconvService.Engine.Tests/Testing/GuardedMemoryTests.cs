using DeconvService.Testing;

namespace DeconvService.Engine.Tests.Testing;

public sealed unsafe class GuardedMemoryTests
{
    private const string Victim = nameof(Victim);

    [Theory]
    [InlineData(Guard.End, 1)]
    [InlineData(Guard.End, 64)]
    [InlineData(Guard.Start, 1)]
    [InlineData(Guard.Start, 64)]
    public void Span_AllElements_ReadableAndWritable(Guard guard, int alignment)
    {
        for (int length = 0; length < 40; length++)
        {
            using var memory = new GuardedMemory<float>(length, guard, alignment);
            Assert.Equal(0u, (nuint)memory.Pointer % (nuint)alignment);
            Assert.False(memory.Span.ContainsAnyExcept(0f));
            memory.Span.Fill(1);
        }
    }

    [Fact]
    public void Dispose_WriteIntoAlignmentGap_Throws()
    {
        var memory = new GuardedMemory<float>(15, Guard.End, alignment: 64);
        memory.Pointer[15] = 1;
        Assert.Throws<InvalidOperationException>(memory.Dispose);
    }

    [Fact]
    public void Of_Values_CopiesThem()
    {
        using GuardedMemory<int> memory = GuardedMemory.Of<int>([1, 2, 3]);
        Assert.Equal([1, 2, 3], memory.Span.ToArray());
    }

    [Theory]
    [InlineData("End")]
    [InlineData("Start")]
    public void Access_OneElementPastTheGuard_EndsTheProcess(string guard)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS(), "pages are guarded with mmap only");
        (int exitCode, string output) = SimdChild.Run(
            typeof(GuardedMemoryTests).Assembly,
            ["-explicit", "only", "-method", $"{typeof(GuardedMemoryTests).FullName}.{nameof(Child_TouchesTheGuard)}"],
            new Dictionary<string, string>(StringComparer.Ordinal) { [Victim] = guard, ["DOTNET_DbgEnableMiniDump"] = "0" },
            TimeSpan.FromMinutes(1));
        Assert.NotEqual(0, exitCode);
        Assert.Contains("touching", output, StringComparison.Ordinal);
        Assert.DoesNotContain("survived", output, StringComparison.Ordinal);
    }

    // Runs in a child process only, which does not live to its end.
    [Fact(Explicit = true)]
    public void Child_TouchesTheGuard()
    {
        Guard guard = Enum.Parse<Guard>(Environment.GetEnvironmentVariable(Victim)!);
        using var memory = new GuardedMemory<float>(16, guard);
        Console.WriteLine("touching");
        float value = guard == Guard.End ? memory.Pointer[16] : memory.Pointer[-1];
        Console.WriteLine($"survived {value}");
    }
}
