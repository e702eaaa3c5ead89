from django.contrib import admin

from cats4ml.catalog.models import Classifier, Image, Label
from cats4ml.ui.admin import ReadOnlyAdmin


@admin.register(Label)
class LabelAdmin(admin.ModelAdmin):
    list_display = ("name", "key", "vocabulary")
    list_filter = ("vocabulary",)
    search_fields = ("name", "key")

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        """A label that pairs stand on can't go; the database would refuse it less kindly."""
        return False


@admin.register(Image)
class ImageAdmin(ReadOnlyAdmin):
    list_display = ("image_id", "collection", "author", "license", "width", "height")
    search_fields = ("image_id",)


@admin.register(Classifier)
class ClassifierAdmin(ReadOnlyAdmin):
    list_display = ("name", "digest", "vocabulary", "created_at")
