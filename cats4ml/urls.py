from django.contrib import admin
from django.urls import include, path

# How allauth finds what answers where it is asked too often.
handler429 = "cats4ml.accounts.limits.too_many_requests"
handler500 = "cats4ml.operations.request_ids.server_error"

urlpatterns = [
    path("", include("cats4ml.operations.urls")),
    # The console first: challenges/new/ is an address of its own, and no challenge.
    path("", include("cats4ml.console.urls")),
    path("", include("cats4ml.pages.urls")),
    path("", include("cats4ml.accounts.urls")),
    path("", include("cats4ml.submissions.urls")),
    path("", include("cats4ml.review.urls")),
    path("", include("cats4ml.leaderboard.urls")),
    path("", include("cats4ml.releases.evaluation_urls")),
    path("accounts/", include("allauth.urls")),
    path("api/", include("cats4ml.api.urls")),
    path("admin/", admin.site.urls),
]
