# Builds the same image as docker gpu, with plain docker buildx build:
#
#   docker buildx build --build-arg SOURCE_DATE_EPOCH=315532800 -t NAME .
#
# Add --secret id=gpu-ca,src=FILE for certificate authorities of your own, and
# --secret id=gpu-index,src=FILE for other indexes ({"url": …, "extra": […]}).

FROM docker.io/library/python:3.12 AS base

FROM base AS tool
USER root
WORKDIR /
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/gpu

FROM tool AS account
COPY <<'SCRIPT' /gpu/user.py
# user.py
SCRIPT
RUN --mount=type=bind,from=base,target=/image python3 /gpu/user.py /image app 1000 /home/app /layer

FROM base
COPY --link --from=account /layer /
ENV PATH="/usr/local/bin:/usr/bin"
ENV LANG="C.UTF-8"
ENV NVIDIA_VISIBLE_DEVICES="all"
ENV NVIDIA_DRIVER_CAPABILITIES="compute,utility"
LABEL "from"="base"
LABEL "io.github.dockergpu.cuda"="13.0"
LABEL "io.github.dockergpu.python"="3.12.1"
LABEL "io.github.dockergpu.torch"="2.14.0"
USER 1000:1000
WORKDIR /app
COPY --chown=1000:1000 . .
USER 1000:1000
CMD ["python3"]
