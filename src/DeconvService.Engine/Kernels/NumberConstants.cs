namespace DeconvService.Engine.Kernels;

/// <summary>A number as a type, so that the JIT compiles a kernel for it and drops what the number makes unreachable.</summary>
internal interface INumberConstant
{
    /// <summary>The number.</summary>
    static abstract int Value { get; }
}

internal readonly struct Number0 : INumberConstant
{
    public static int Value => 0;
}

internal readonly struct Number1 : INumberConstant
{
    public static int Value => 1;
}

internal readonly struct Number2 : INumberConstant
{
    public static int Value => 2;
}

internal readonly struct Number3 : INumberConstant
{
    public static int Value => 3;
}

internal readonly struct Number4 : INumberConstant
{
    public static int Value => 4;
}

internal readonly struct Number5 : INumberConstant
{
    public static int Value => 5;
}

internal readonly struct Number6 : INumberConstant
{
    public static int Value => 6;
}

internal readonly struct Number7 : INumberConstant
{
    public static int Value => 7;
}

internal readonly struct Number8 : INumberConstant
{
    public static int Value => 8;
}

internal readonly struct Number9 : INumberConstant
{
    public static int Value => 9;
}

internal readonly struct Number10 : INumberConstant
{
    public static int Value => 10;
}

internal readonly struct Number11 : INumberConstant
{
    public static int Value => 11;
}

internal readonly struct Number12 : INumberConstant
{
    public static int Value => 12;
}

internal readonly struct Number13 : INumberConstant
{
    public static int Value => 13;
}

internal readonly struct Number14 : INumberConstant
{
    public static int Value => 14;
}

internal readonly struct Number15 : INumberConstant
{
    public static int Value => 15;
}

internal readonly struct Number16 : INumberConstant
{
    public static int Value => 16;
}
