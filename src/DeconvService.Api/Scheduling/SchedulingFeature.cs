using DeconvService.Api.Configuration;
using DeconvService.Engine;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace DeconvService.Api.Scheduling;

/// <summary>The engine and the queue before it.</summary>
internal static class SchedulingFeature
{
    private const int UnreadBytes = 128 << 10;

    public static IServiceCollection AddScheduling(this IServiceCollection services)
    {
        services.AddValidatedOptions<SchedulingOptions>(SchedulingOptions.Section);
        services.AddSingleton<MemoryBudget>();
        services.AddSingleton<ComputeQueue>();
        services.AddSingleton<ConvRunner>();

        // What waits for memory waits outside: of a body that is not read yet, a connection holds this much and no more.
        services.Configure<SocketTransportOptions>(sockets => sockets.MaxReadBufferSize = UnreadBytes);
        services.AddSingleton(provider =>
        {
            MemoryBudget budget = provider.GetRequiredService<MemoryBudget>();
            var engine = new ConvolutionEngine(new EngineOptions { MaximumKeptBytes = budget.KeptBytes });
            engine.Buffers.MaximumBytes = budget.TensorBytes;
            return engine;
        });
        services.AddHostedService<EngineWarmUp>();
        return services;
    }

    /// <summary>Requests wait here for memory before their bodies are read.</summary>
    public static void UseScheduling(this IApplicationBuilder app) => app.UseMiddleware<RequestAdmission>();
}
