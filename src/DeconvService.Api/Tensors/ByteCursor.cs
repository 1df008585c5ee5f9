using System.Buffers;
using System.IO.Pipelines;

namespace DeconvService.Api.Tensors;

/// <summary>
/// Reads a pipe piece by piece without copying it: <see cref="Unread"/> is the rest of the pipe's current segment. Only a token that
/// crosses from one segment into the next is put together in a small buffer, the seam. Not thread-safe.
/// </summary>
/// <remarks>
/// Example with the segments <c>1.2</c> and <c>5,3</c>: a reader that finds <c>1.2</c> unfinished calls <see cref="FillAsync"/> and sees
/// <c>1.25,3</c> in the seam: the head <c>1.2</c> and a copy of what follows. Once the head has been advanced over, the next fill goes on
/// inside the second segment itself.
/// </remarks>
internal sealed class ByteCursor : IDisposable
{
    // How many bytes are copied behind the head at first; doubled as long as the token does not end.
    private const int SeamStep = 64;

    private readonly PipeReader _pipe;
    private byte[] _seam = [];
    private int _seamHead = -1;
    private ReadOnlyMemory<byte> _current;
    private int _offset;
    private ReadOnlySequence<byte> _buffer;
    private ReadOnlySequence<byte> _following;
    private bool _reading;
    private bool _completed;

    /// <summary>Starts at the beginning of a pipe.</summary>
    /// <param name="pipe">What to read; it is not completed.</param>
    /// <param name="length">How many bytes there are at the most, where that is known before (Content-Length), else null.</param>
    public ByteCursor(PipeReader pipe, long? length = null) => (_pipe, Length) = (pipe, length);

    /// <summary>How many bytes there are at the most, where that is known before, else null.</summary>
    public long? Length { get; }

    /// <summary>Number of bytes that were advanced over.</summary>
    public long Position { get; private set; }

    /// <summary>How many bytes can still come, where that is known, else null.</summary>
    public long? Remaining => Length - Position;

    /// <summary>Bytes that lie ready; not all there are. Valid until the next <see cref="FillAsync"/>.</summary>
    public ReadOnlySpan<byte> Unread => _current.Span[_offset..];

    /// <summary>Steps over bytes of <see cref="Unread"/>.</summary>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _current.Length - _offset);
        _offset += count;
        Position += count;
    }

    /// <summary>Makes <see cref="Unread"/> longer by one byte at the least; what was unread stays at its beginning.</summary>
    /// <returns>False when the pipe has ended: nothing more comes.</returns>
    public async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        int before = _current.Length - _offset;
        if (_seamHead >= 0 && _offset >= _seamHead)
            LeaveSeam();

        while (_current.Length - _offset <= before)
        {
            if ((_following.IsEmpty || !TakeFollowing()) && !await ReceiveAsync(cancellationToken))
                return false;
        }

        return true;
    }

    /// <summary>Gives the pipe's memory back to the pipe.</summary>
    public void Dispose()
    {
        if (_reading)
            _pipe.AdvanceTo(_buffer.End);

        _reading = false;
        if (_seam.Length > 0)
            ArrayPool<byte>.Shared.Return(_seam);

        (_seam, _current, _offset) = ([], default, 0);
    }

    // The head is behind us: what was copied behind it is read where it stands.
    private void LeaveSeam()
    {
        _following = _following.Slice(_offset - _seamHead);
        (_seamHead, _current, _offset) = (-1, default, 0);
        if (!_following.IsEmpty)
            TakeFollowing();
    }

    // Shows more of the bytes that the pipe has handed out; false when all of them are shown already.
    private bool TakeFollowing()
    {
        int unread = _current.Length - _offset;
        if (unread == 0)
        {
            TakeSegment();
            return true;
        }

        int tail = 0;
        if (_seamHead < 0)
            StartSeam();
        else
            tail = _current.Length - _seamHead;

        if (tail == _following.Length)
            return false;

        int newTail = (int)Math.Min(_following.Length, Math.Max(SeamStep, 2L * tail));
        ReserveSeam(_seamHead + newTail);
        _following.Slice(0, newTail).CopyTo(_seam.AsSpan(_seamHead));
        _current = _seam.AsMemory(0, _seamHead + newTail);
        return true;
    }

    // Segments may be empty; the first that is not becomes the current one.
    private void TakeSegment()
    {
        SequencePosition next = _following.Start;
        (_seamHead, _current, _offset) = (-1, default, 0);
        while (_current.IsEmpty && _following.TryGet(ref next, out _current))
        {
        }

        _following = _following.Slice(_current.Length);
    }

    // Copies what is unread, and forgets where it came from.
    private void StartSeam()
    {
        ReadOnlyMemory<byte> head = _current[_offset..];
        ReserveSeam(head.Length);
        head.CopyTo(_seam);
        (_seamHead, _current, _offset) = (head.Length, _seam.AsMemory(0, head.Length), 0);
    }

    private void ReserveSeam(int length)
    {
        if (_seam.Length >= length)
            return;

        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(length, 4 * SeamStep));
        _seam.CopyTo(larger, 0);
        if (_seam.Length > 0)
            ArrayPool<byte>.Shared.Return(_seam);

        _seam = larger;
    }

    private async ValueTask<bool> ReceiveAsync(CancellationToken cancellationToken)
    {
        if (_completed)
            return false;

        // All that was handed out is read or stands in the seam, so the pipe may have its memory back.
        if (_offset < _current.Length)
        {
            if (_seamHead < 0)
                StartSeam();
            else
                _seamHead = _current.Length;
        }
        else
        {
            (_seamHead, _current, _offset) = (-1, default, 0);
        }

        if (_reading)
            _pipe.AdvanceTo(_buffer.End);

        _reading = false;
        ReadResult result = await _pipe.ReadAsync(cancellationToken);
        _reading = true;
        (_buffer, _following, _completed) = (result.Buffer, result.Buffer, result.IsCompleted);
        return !result.Buffer.IsEmpty || !_completed;
    }
}
