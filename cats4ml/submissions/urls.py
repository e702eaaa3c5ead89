from django.urls import path

from cats4ml.submissions import basket_views, dispute_views, upload_views, views

app_name = "submissions"
urlpatterns = [
    path("challenges/<slug:slug>/submit/", views.submit, name="submit"),
    path("challenges/<slug:slug>/submit/pair/", views.submit_pair, name="submit_pair"),
    path("challenges/<slug:slug>/uploads/", upload_views.upload_file, name="upload_file"),
    path("challenges/<slug:slug>/uploads/<uuid:upload_id>/", upload_views.upload, name="upload"),
    path("challenges/<slug:slug>/uploads/<uuid:upload_id>/submit/", upload_views.upload_submit, name="upload_submit"),
    path(
        "challenges/<slug:slug>/uploads/<uuid:upload_id>/retract/", upload_views.upload_retract, name="upload_retract"
    ),
    path("challenges/<slug:slug>/uploads/<uuid:upload_id>/bad-rows.csv", upload_views.upload_bad_rows, name="bad_rows"),
    path("challenges/<slug:slug>/submissions/hints/", views.hints, name="hints"),
    path("challenges/<slug:slug>/submissions/<int:submission_id>/retract/", views.retract, name="retract"),
    path("challenges/<slug:slug>/submissions/<int:submission_id>/dispute/", dispute_views.dispute, name="dispute"),
    path("challenges/<slug:slug>/basket/", basket_views.basket, name="basket"),
    path("challenges/<slug:slug>/basket/put/", basket_views.put, name="basket_put"),
    path("challenges/<slug:slug>/basket/save/", basket_views.save, name="basket_save"),
    path("challenges/<slug:slug>/basket/clear/", basket_views.clear, name="basket_clear"),
    path("challenges/<slug:slug>/basket/submit/", basket_views.submit, name="basket_submit"),
    path("challenges/<slug:slug>/queue/", views.queue, name="queue"),
]
