from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView

from cats4ml.api.views import (
    challenges,
    data,
    evaluations,
    me,
    pairs,
    pictures,
    rating_export,
    ratings,
    releases,
    sensitive,
    standings,
    submissions,
)
from cats4ml.api.views.base import NoSuchAddress
from cats4ml.api.views.docs import RedocPage, SwaggerPage

EDITION = "v1/challenges/<slug:slug>"

app_name = "api"
urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SwaggerPage.as_view(), name="docs"),
    path("redoc/", RedocPage.as_view(), name="redoc"),
    path("v1/pictures/<uuid:image_uuid>/reports/", pictures.PictureReports.as_view(), name="picture_reports"),
    path("v1/me/", me.Me.as_view(), name="me"),
    path("v1/challenges/", challenges.ChallengeList.as_view(), name="challenges"),
    path(f"{EDITION}/", challenges.ChallengeDetail.as_view(), name="challenge"),
    path(f"{EDITION}/announcements/", challenges.AnnouncementList.as_view(), name="announcements"),
    path(f"{EDITION}/labels/", challenges.LabelList.as_view(), name="labels"),
    path(f"{EDITION}/images/", challenges.ImageList.as_view(), name="images"),
    path(f"{EDITION}/data/", data.DataFileList.as_view(), name="data_files"),
    path(f"{EDITION}/data/<str:kind>/", data.DataFileBytes.as_view(), name="data_file"),
    path(f"{EDITION}/quota/", challenges.QuotaDetail.as_view(), name="quota"),
    path(f"{EDITION}/participations/", challenges.ParticipationList.as_view(), name="participations"),
    path(f"{EDITION}/submissions/", submissions.SubmissionList.as_view(), name="submissions"),
    path(f"{EDITION}/submissions/<int:submission_id>/", submissions.SubmissionDetail.as_view(), name="submission"),
    path(f"{EDITION}/submissions/<int:submission_id>/dispute/", submissions.DisputeDetail.as_view(), name="dispute"),
    path(f"{EDITION}/sensitive/", sensitive.SensitiveKinds.as_view(), name="sensitive"),
    path(f"{EDITION}/ratings/", ratings.RatingList.as_view(), name="ratings"),
    path(f"{EDITION}/ratings/export/", rating_export.RatingExport.as_view(), name="ratings_export"),
    path(f"{EDITION}/ratings/next/", ratings.NextQuestion.as_view(), name="rating_next"),
    path(f"{EDITION}/ratings/last/", ratings.LastRating.as_view(), name="rating_last"),
    path(f"{EDITION}/ratings/<uuid:token>/picture/", ratings.QuestionPicture.as_view(), name="rating_picture"),
    path(f"{EDITION}/ratings/<uuid:token>/guidance/", ratings.QuestionGuidance.as_view(), name="rating_guidance"),
    path(f"{EDITION}/ratings/<uuid:token>/skip/", ratings.Skip.as_view(), name="rating_skip"),
    path(f"{EDITION}/ratings/<uuid:token>/report/", ratings.Report.as_view(), name="rating_report"),
    path(f"{EDITION}/ratings/examples/<int:example_id>/", ratings.ExamplePicture.as_view(), name="rating_example"),
    path(f"{EDITION}/pairs/", pairs.PairList.as_view(), name="pairs"),
    path(f"{EDITION}/pairs/<int:pair_id>/", pairs.PairDetail.as_view(), name="pair"),
    path(f"{EDITION}/queue/", pairs.Queue.as_view(), name="queue"),
    path(f"{EDITION}/standings/", standings.StandingList.as_view(), name="standings"),
    path(f"{EDITION}/releases/", releases.ReleaseList.as_view(), name="releases"),
    path("v1/releases/<int:release_id>/", releases.ReleaseDetail.as_view(), name="release"),
    path("v1/releases/<int:release_id>/publish/", releases.ReleasePublish.as_view(), name="release_publish"),
    path("v1/releases/<int:release_id>/free/", releases.ReleaseFree.as_view(), name="release_free"),
    path("v1/releases/<int:release_id>/files/", releases.ReleaseFiles.as_view(), name="release_files"),
    path("v1/releases/<int:release_id>/files/<path:path>", releases.ReleaseFileBytes.as_view(), name="release_file"),
    path("v1/releases/<int:release_id>/archive/", releases.ReleaseArchive.as_view(), name="release_archive"),
    path("v1/releases/<int:release_id>/root/", releases.ReleaseRoot.as_view(), name="release_root"),
    path("v1/releases/<int:release_id>/questions/", evaluations.QuestionList.as_view(), name="questions"),
    path("v1/releases/<int:release_id>/evaluations/", evaluations.EvaluationList.as_view(), name="evaluations"),
    path(
        "v1/releases/<int:release_id>/evaluations/<uuid:evaluation_id>/",
        evaluations.EvaluationDetail.as_view(),
        name="evaluation",
    ),
    re_path(r"^v1/", NoSuchAddress.as_view()),
]
