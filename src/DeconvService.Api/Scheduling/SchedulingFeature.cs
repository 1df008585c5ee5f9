using DeconvService.Api.Configuration;
using DeconvService.Engine;

namespace DeconvService.Api.Scheduling;

/// <summary>The engine and the queue before it.</summary>
internal static class SchedulingFeature
{
    public static IServiceCollection AddScheduling(this IServiceCollection services)
    {
        services.AddValidatedOptions<SchedulingOptions>(SchedulingOptions.Section);
        services.AddSingleton<ComputeQueue>();
        services.AddSingleton<ConvRunner>();
        services.AddSingleton(_ => new ConvolutionEngine());
        return services;
    }
}
