# Builds the same image as docker gpu, with plain docker buildx build:
#
#   docker buildx build --build-arg SOURCE_DATE_EPOCH=315532800 -t NAME .
#
# Add --secret id=gpu-ca,src=FILE for certificate authorities of your own, and
# --secret id=gpu-index,src=FILE for other indexes ({"url": …, "extra": […]}).

FROM docker.io/library/python:3.12@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa AS base

FROM base AS tool
USER root
WORKDIR /
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/gpu
COPY <<'SCRIPT' /gpu/net.py
# net.py
SCRIPT
COPY <<'SCRIPT' /gpu/fetch_uv.py
# fetch_uv.py
SCRIPT
COPY <<'SCRIPT' /gpu/install.py
# install.py
SCRIPT
RUN --mount=type=secret,id=gpu-ca --mount=type=secret,id=gpu-index --mount=type=secret,id=netrc \
    mkdir /uv && python3 /gpu/fetch_uv.py 0.1 bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb /uv

FROM tool AS environment
RUN python3 /gpu/install.py /opt/venv /layer "" "/usr/lib/python3/dist-packages:/opt/site-packages"

# [wheel] numpy 1.0 (16.8MB)
FROM tool AS wheel0
RUN --mount=type=secret,id=gpu-ca --mount=type=secret,id=gpu-index --mount=type=secret,id=netrc \
    python3 /gpu/install.py /opt/venv /layer "numpy==1.0 --hash=sha256:5555555555555555555555555555555555555555555555555555555555555555" "" ""

# [wheel] 1 small packages (1kB)
FROM tool AS wheel1
RUN --mount=type=secret,id=gpu-ca --mount=type=secret,id=gpu-index --mount=type=secret,id=netrc \
    python3 /gpu/install.py /opt/venv /layer "idna==1.0 --hash=sha256:4444444444444444444444444444444444444444444444444444444444444444" "" ""

FROM tool AS account
COPY <<'SCRIPT' /gpu/user.py
# user.py
SCRIPT
RUN --mount=type=bind,from=base,target=/image python3 /gpu/user.py /image app 1000 /home/app /layer

FROM base
COPY --link --from=account /layer /
COPY --link --from=environment /layer /
COPY --link --from=wheel0 /layer /
COPY --link --from=wheel1 /layer /
ENV PATH="/opt/venv/bin:/usr/local/bin:/usr/bin"
ENV LANG="C.UTF-8"
ENV VIRTUAL_ENV="/opt/venv"
ENV NVIDIA_VISIBLE_DEVICES="all"
ENV NVIDIA_DRIVER_CAPABILITIES="compute,utility"
LABEL "from"="base"
LABEL "io.github.dockergpu.cuda"="13.0"
LABEL "io.github.dockergpu.python"="3.12.1"
USER 1000:1000
WORKDIR /app
COPY --chown=1000:1000 . .
USER 1000:1000
CMD ["python3"]
