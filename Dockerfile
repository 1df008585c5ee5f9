# syntax=docker/dockerfile:1
# The image codec (libvips) comes from npm, the app is published by the SDK, and what runs has no shell, no package manager and no root:
# the chiseled image starts as user 1654. The file system may be read-only; models that are uploaded need a volume (see docker/README.md).

FROM --platform=$BUILDPLATFORM docker.io/library/node:22-slim AS codec
ARG TARGETARCH=amd64
WORKDIR /codec
COPY src/DeconvService.Imaging/libvips/package.json src/DeconvService.Imaging/libvips/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund --os=linux --libc=glibc --cpu=$(test $TARGETARCH = amd64 && echo x64 || echo $TARGETARCH)

FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:10.0 AS build
ARG TARGETARCH=amd64
# linux/amd64 is compiled ahead of time (ReadyToRun), which makes the start fast; linux/arm64 is plain IL and has not been tested.
ENV PUBLISH_amd64="-r linux-x64 -p:PublishReadyToRun=true" PUBLISH_arm64="-r linux-arm64"
WORKDIR /source
# Restored packages are a layer of their own: it is built again only when a project file changes.
COPY global.json Directory.Build.props Directory.Packages.props ./
COPY src/DeconvService.Engine/*.csproj src/DeconvService.Engine/
COPY src/DeconvService.Onnx/*.csproj src/DeconvService.Onnx/
COPY src/DeconvService.Imaging/*.csproj src/DeconvService.Imaging/
COPY src/DeconvService.Imaging/libvips/libvips.targets src/DeconvService.Imaging/libvips/
COPY src/DeconvService.Api/*.csproj src/DeconvService.Api/
RUN eval "options=\$PUBLISH_$TARGETARCH"; dotnet restore src/DeconvService.Api $options -p:UseAppHost=false
COPY --from=codec /codec/node_modules src/DeconvService.Imaging/libvips/node_modules
COPY appsettings.json .editorconfig ./
COPY src src
RUN eval "options=\$PUBLISH_$TARGETARCH"; \
    dotnet publish src/DeconvService.Api --no-restore --no-self-contained $options -p:UseAppHost=false -p:DebugType=none -o /app

FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled
WORKDIR /app
COPY --from=build /app .
# No diagnostics socket: /tmp may be missing. Little memory is kept by the C library, so that what is freed is free for the container.
ENV DOTNET_EnableDiagnostics=0 MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=1048576
EXPOSE 8080
USER $APP_UID
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["dotnet", "DeconvService.Api.dll", "--health-check"]
ENTRYPOINT ["dotnet", "DeconvService.Api.dll"]
