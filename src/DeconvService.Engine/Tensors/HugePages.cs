using System.Runtime.InteropServices;

namespace DeconvService.Engine.Tensors;

/// <summary>Native memory that Linux may back with huge pages (transparent huge pages, <c>madvise(2)</c>).</summary>
/// <remarks>
/// Most servers give huge pages only to who asks (<c>/sys/kernel/mm/transparent_hugepage/enabled</c> says <c>madvise</c>). Without them
/// <list type="bullet">
/// <item>a kernel that goes through many planes or rows at once leaves the reach of the address cache (TLB), and every prefetcher stops at the end of a page;</item>
/// <item>new memory is faulted in and cleared in 512 times as many steps.</item>
/// </list>
/// It is a hint: where it is refused, all works as before on pages of 4 KiB. Only pages that lie inside the memory wholly are asked for, so
/// no more becomes resident than was allocated; a part that is never touched costs at most the rest of one page.
/// </remarks>
internal static unsafe partial class HugePages
{
    /// <summary>Bytes of a huge page above base pages of 4 KiB (x64 and most of Arm).</summary>
    public const int PageBytes = 2 << 20;

    /// <summary>Smaller memory stays on ordinary pages: one huge page, half touched, would cost more memory than it gains time.</summary>
    public const long SmallestBytes = 2 * PageBytes;

    private const int AdviseHugePage = 14; // MADV_HUGEPAGE

    // Above base pages of 16 or 64 KiB huge ones are of 32 or 512 MiB: too coarse for buffers of some MiB.
    private static readonly bool s_areOfUse = OperatingSystem.IsLinux() && Environment.SystemPageSize == 4096;

    /// <summary>Allocates memory whose contents are undefined; <see cref="NativeMemory.AlignedFree"/> frees it.</summary>
    /// <exception cref="OutOfMemoryException">The system has no such memory left.</exception>
    public static void* AlignedAlloc(long bytes, int alignment)
    {
        bool huge = s_areOfUse && bytes >= SmallestBytes;
        void* pointer = NativeMemory.AlignedAlloc((nuint)bytes, huge ? PageBytes : (nuint)alignment);
        if (huge)
            Advise(pointer, (nuint)(bytes / PageBytes * PageBytes));

        return pointer;
    }

    private static void Advise(void* start, nuint bytes)
    {
        try
        {
            _ = AdviseMemory(start, bytes, AdviseHugePage);
        }
        catch (Exception exception) when (exception is DllNotFoundException or EntryPointNotFoundException)
        {
            // A Linux without such a C library: the memory is as good, on small pages.
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int AdviseMemory(void* start, nuint bytes, int advice);
}
