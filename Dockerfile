# syntax=docker/dockerfile:1
# One image for web, worker, scoring and clock; docker-compose.yml says which command each of them runs.
#
# torch comes from the default index, with CUDA on x86-64. `--build-arg TORCH_INDEX=…` names the index of another build, such
# as PyTorch's own of CPU builds, which makes the image several GB smaller.
ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim-bookworm AS build
ARG TORCH_INDEX=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /src
COPY constraints.txt ./
RUN grep -E '^(torch|torchvision)==' constraints.txt > /tmp/torch.txt \
    && pip install ${TORCH_INDEX:+--extra-index-url "${TORCH_INDEX}"} -r /tmp/torch.txt
COPY pyproject.toml README.md LICENSE ./
# The dependencies first, so that a change of code does not fetch them again.
RUN mkdir cats4ml scoring models_zoo \
    && touch cats4ml/__init__.py scoring/__init__.py models_zoo/__init__.py \
    && pip install -c constraints.txt . \
    && pip uninstall --yes cats4ml

FROM python:${PYTHON_VERSION}-slim-bookworm AS run
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CATS4ML_ENV=production \
    CATS4ML_HOME=/data \
    WEB_BIND=0.0.0.0:8000
RUN groupadd --system --gid 10001 cats4ml \
    && useradd --system --uid 10001 --gid cats4ml --no-create-home --home-dir /nonexistent cats4ml \
    && install -d -o cats4ml -g cats4ml /data /data/pictures /data/classifiers /data/scoring-cache /data/static \
        /data/downloads /data/imports /scratch /backups
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY manage.py ./
COPY cats4ml cats4ml
COPY scoring scoring
COPY models_zoo models_zoo
# manage.py verify_release reads with the verifier that participants have.
COPY client/cats4ml_client cats4ml_client
COPY templates templates
# Translations are compiled here, where there are any.
RUN if ls cats4ml/locale/*/LC_MESSAGES/*.po >/dev/null 2>&1; then \
        python -m babel.messages.frontend compile -d cats4ml/locale -D django; fi
# Static files are part of the image: any number of web servers then serve the same. The values are for this step only.
RUN SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(60))')" ALLOWED_HOSTS=localhost \
    DATABASE_URL=postgresql://nobody@localhost/none REDIS_URL=redis://localhost/0 \
    python manage.py collectstatic --no-input \
    && chown -R cats4ml:cats4ml /data
# By number, so that an orchestrator can tell that it is not root.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-m", "cats4ml.healthcheck"]
# How it serves is in cats4ml/serving.py.
CMD ["gunicorn", "cats4ml.wsgi", "-c", "python:cats4ml.serving"]
