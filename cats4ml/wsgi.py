import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from cats4ml.slow_bodies import BodyDeadline

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cats4ml.settings")
application = BodyDeadline(get_wsgi_application(), seconds=settings.BODY_SECONDS)
