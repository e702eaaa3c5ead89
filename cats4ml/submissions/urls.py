from django.urls import path

from cats4ml.submissions import views

app_name = "submissions"
urlpatterns = [
    path("challenges/<slug:slug>/submit/", views.submit, name="submit"),
    path("challenges/<slug:slug>/submit/pair/", views.submit_pair, name="submit_pair"),
    path("challenges/<slug:slug>/uploads/", views.upload_file, name="upload_file"),
    path("challenges/<slug:slug>/uploads/<uuid:upload_id>/", views.upload, name="upload"),
    path("challenges/<slug:slug>/uploads/<uuid:upload_id>/submit/", views.upload_submit, name="upload_submit"),
    path("challenges/<slug:slug>/uploads/<uuid:upload_id>/bad-rows.csv", views.upload_bad_rows, name="bad_rows"),
    path("challenges/<slug:slug>/submissions/<int:submission_id>/retract/", views.retract, name="retract"),
    path("challenges/<slug:slug>/queue/", views.queue, name="queue"),
]
