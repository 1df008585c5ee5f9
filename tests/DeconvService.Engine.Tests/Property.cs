using FsCheck;
using FsCheck.Fluent;

namespace DeconvService.Engine.Tests;

/// <summary>Runs a property over random values of a fixed seed; what fails is shown with its value.</summary>
internal static class Property
{
    internal static void Check<T>(Gen<T> values, Action<T> assertion, int count = 1000) =>
        FsCheck.Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(count).WithReplay(20260731, 1),
            Prop.ForAll(values.ToArbitrary(), assertion));
}
