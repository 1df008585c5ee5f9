using DeconvService.Api.Configuration;
using DeconvService.Engine;

namespace DeconvService.Api.Scheduling;

/// <summary>The engine and the queue before it.</summary>
internal static class SchedulingFeature
{
    public static IServiceCollection AddScheduling(this IServiceCollection services)
    {
        services.AddValidatedOptions<SchedulingOptions>(SchedulingOptions.Section);
        services.AddSingleton<MemoryBudget>();
        services.AddSingleton<ComputeQueue>();
        services.AddSingleton<ConvRunner>();
        services.AddSingleton(provider =>
        {
            MemoryBudget budget = provider.GetRequiredService<MemoryBudget>();
            var engine = new ConvolutionEngine(new EngineOptions { MaximumKeptBytes = budget.KeptBytes });
            engine.Buffers.MaximumBytes = budget.TensorBytes;
            return engine;
        });
        return services;
    }

    /// <summary>Requests wait here for memory before their bodies are read.</summary>
    public static void UseScheduling(this IApplicationBuilder app) => app.UseMiddleware<RequestAdmission>();
}
