from django.urls import path

from cats4ml.accounts import account_views, notice_views, preferences, views

app_name = "accounts"
urlpatterns = [
    path("account/", account_views.account, name="account"),
    path("account/confirm/", account_views.send_again, name="send_again"),
    path("account/tokens/", views.tokens, name="tokens"),
    path("account/preferences/", preferences.preferences, name="preferences"),
    path("account/language/", preferences.choose_language, name="language"),
    path("account/tokens/<int:token_id>/revoke/", views.revoke, name="revoke_token"),
    path("mail/", account_views.mails, name="mails"),
    # Doors before allauth's own pages of the same addresses.
    path("accounts/confirm-email/<str:key>/", account_views.ConfirmAddress.as_view(), name="confirm_address"),
    path("accounts/2fa/totp/activate/", account_views.set_up_app, name="set_up_app"),
    path("accounts/2fa/webauthn/add/", account_views.add_passkey, name="add_passkey"),
    path("account/notices/", notice_views.notices, name="notices"),
    path("account/notices/read/", notice_views.notices_read, name="notices_read"),
    path("account/notices/<int:pk>/open/", notice_views.notice_open, name="notice_open"),
    path("account/notices/stop/<str:link>/", notice_views.notices_stop, name="notices_stop"),
]
