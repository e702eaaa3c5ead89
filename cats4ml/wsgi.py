import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cats4ml.settings")
application = get_wsgi_application()

# Its models can be imported only now that Django is set up.
from cats4ml.console import watchman  # noqa: E402

watchman.start()
