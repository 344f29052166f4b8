FROM python:3.11-slim
WORKDIR /app
COPY . .
RUN pip install --no-cache-dir .
RUN install --directory --owner nobody --mode 0700 /data
USER nobody
CMD ["graphsvc", "serve", "--host", "0.0.0.0"]
