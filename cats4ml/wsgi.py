import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from cats4ml.slow_bodies import BodyDeadline

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cats4ml.settings")
application = BodyDeadline(get_wsgi_application(), seconds=settings.BODY_SECONDS)

# Its models can be imported only now that Django is set up.
from cats4ml.console import watchman  # noqa: E402

watchman.start()
