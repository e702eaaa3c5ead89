from django.urls import path

from cats4ml.accounts import notice_views, views

app_name = "accounts"
urlpatterns = [
    path("account/tokens/", views.tokens, name="tokens"),
    path("account/tokens/<int:token_id>/revoke/", views.revoke, name="revoke_token"),
    path("account/notices/", notice_views.notices, name="notices"),
    path("account/notices/read/", notice_views.notices_read, name="notices_read"),
    path("account/notices/<int:pk>/open/", notice_views.notice_open, name="notice_open"),
    path("account/notices/choices/", notice_views.notice_choices, name="notice_choices"),
    path("account/notices/stop/<str:link>/", notice_views.notices_stop, name="notices_stop"),
]
