"""Those who answer the same questions on the same journeys. Each module runs as a child: ``python -m … FOLDER``.

``FOLDER/journeys.parquet`` holds one row per touchpoint, in journey order: journey and user (integers), step (from 1),
time (microseconds), name, converted (of its journey).
"""
