from django.urls import path

from cats4ml.console import (
    adjudication_views,
    agreement_views,
    control_views,
    dispute_views,
    finder_views,
    near_copy_views,
    pair_list,
    pattern_views,
    rater_views,
    release_views,
    report_views,
    roster_views,
    rule_views,
    study_views,
    views,
    withdrawal_views,
)

app_name = "console"
urlpatterns = [
    path("challenges/<slug:slug>/console/", views.overview, name="overview"),
    path("challenges/<slug:slug>/console/pairs/", pair_list.pairs, name="pairs"),
    path("challenges/<slug:slug>/console/pairs.csv", pair_list.pairs_csv, name="pairs_csv"),
    path("challenges/<slug:slug>/console/finders/", finder_views.finders, name="finders"),
    path("challenges/<slug:slug>/console/finders.csv", finder_views.finders_csv, name="finders_csv"),
    path("challenges/<slug:slug>/console/finders/<int:pk>/", finder_views.finder, name="finder"),
    path(
        "challenges/<slug:slug>/console/finders/<int:pk>/disqualify/", finder_views.disqualify, name="finder_disqualify"
    ),
    path("challenges/<slug:slug>/console/finders/<int:pk>/reinstate/", finder_views.reinstate, name="finder_reinstate"),
    path("challenges/<slug:slug>/console/finders/<int:pk>/baseline/", finder_views.baseline, name="finder_baseline"),
    path("challenges/<slug:slug>/console/patterns/", pattern_views.patterns, name="patterns"),
    path("challenges/<slug:slug>/console/requeue/", views.requeue, name="requeue"),
    path("challenges/<slug:slug>/console/raters/", rater_views.raters, name="raters"),
    path("challenges/<slug:slug>/console/raters/<int:pk>/", rater_views.rater, name="rater"),
    path("challenges/<slug:slug>/console/raters/<int:pk>/pause/", rater_views.pause, name="rater_pause"),
    path("challenges/<slug:slug>/console/raters/<int:pk>/discount/", rater_views.discount, name="rater_discount"),
    path("challenges/<slug:slug>/console/raters/<int:pk>/lift/", rater_views.lift, name="rater_lift"),
    path("challenges/<slug:slug>/console/pauses/<int:pk>/", rater_views.pause_decide, name="pause_decide"),
    path("challenges/<slug:slug>/console/studies/", study_views.studies, name="studies"),
    path("challenges/<slug:slug>/console/studies/<slug:study>/", study_views.study, name="study"),
    path("challenges/<slug:slug>/console/studies/<slug:study>/open/", study_views.study_open, name="study_open"),
    path(
        "challenges/<slug:slug>/console/studies/<slug:study>/visits.csv", study_views.study_visits, name="study_visits"
    ),
    path("challenges/<slug:slug>/console/classifiers/", roster_views.classifiers, name="classifiers"),
    path("challenges/<slug:slug>/console/classifiers/<int:version>/", roster_views.roster, name="roster"),
    path("challenges/<slug:slug>/console/classifiers/<int:version>/ask/", roster_views.roster_ask, name="roster_ask"),
    path(
        "challenges/<slug:slug>/console/classifiers/<int:version>/apply/",
        roster_views.roster_apply,
        name="roster_apply",
    ),
    path("challenges/<slug:slug>/console/verdict-rule/", rule_views.verdict_rule, name="verdict_rule"),
    path(
        "challenges/<slug:slug>/console/verdict-rule/apply/", rule_views.verdict_rule_apply, name="verdict_rule_apply"
    ),
    path("challenges/<slug:slug>/console/verdict-rule/work/", rule_views.work_fragment, name="policy_work"),
    path(
        "challenges/<slug:slug>/console/verdict-rule/undo/<int:pk>/",
        rule_views.verdict_rule_undo,
        name="verdict_rule_undo",
    ),
    path("challenges/<slug:slug>/console/verdict-rule/pairs.csv", rule_views.verdict_rule_csv, name="verdict_rule_csv"),
    path("challenges/<slug:slug>/console/near-copies/", near_copy_views.near_copies, name="near_copies"),
    path(
        "challenges/<slug:slug>/console/near-copies/<int:pk>/",
        near_copy_views.near_copy_decide,
        name="near_copy_decide",
    ),
    path("challenges/<slug:slug>/console/ambiguous/", adjudication_views.queue, name="adjudicate"),
    path("challenges/<slug:slug>/console/ambiguous/<int:pk>/", adjudication_views.pair, name="adjudicate_pair"),
    path(
        "challenges/<slug:slug>/console/ambiguous/<int:pk>/take-back/",
        adjudication_views.take_back,
        name="adjudicate_take_back",
    ),
    path("challenges/<slug:slug>/console/disputes/", dispute_views.disputes, name="disputes"),
    path("challenges/<slug:slug>/console/disputes/<int:pk>/", dispute_views.dispute, name="dispute"),
    path("challenges/<slug:slug>/console/reports/", report_views.reports, name="reports"),
    path("challenges/<slug:slug>/console/reports/decide/", report_views.reports_decide, name="reports_decide"),
    path("challenges/<slug:slug>/console/controls/", control_views.controls, name="controls"),
    path("challenges/<slug:slug>/console/controls/add/", control_views.control_add, name="control_add"),
    path("challenges/<slug:slug>/console/controls/import/", control_views.control_import, name="control_import"),
    path(
        "challenges/<slug:slug>/console/controls/from-pairs/",
        control_views.controls_from_pairs,
        name="controls_from_pairs",
    ),
    path(
        "challenges/<slug:slug>/console/controls/<int:pk>/retire/", control_views.control_retire, name="control_retire"
    ),
    path(
        "challenges/<slug:slug>/console/controls/<int:pk>/restore/",
        control_views.control_restore,
        name="control_restore",
    ),
    path("challenges/<slug:slug>/console/guidance/", control_views.guidance, name="guidance"),
    path("challenges/<slug:slug>/console/guidance/<int:pk>/", control_views.label_guidance, name="label_guidance"),
    path("challenges/<slug:slug>/console/pairs/<int:pk>/", agreement_views.pair, name="pair"),
    path("challenges/<slug:slug>/console/pairs/<int:pk>/withdraw/", withdrawal_views.withdraw, name="pair_withdraw"),
    path("challenges/<slug:slug>/console/pairs/<int:pk>/restore/", withdrawal_views.restore, name="pair_restore"),
    path("challenges/<slug:slug>/console/agreement/", agreement_views.agreement, name="agreement"),
    path("challenges/<slug:slug>/console/agreement/answers/", agreement_views.answers, name="agreement_answers"),
    path("challenges/<slug:slug>/console/releases/", release_views.releases, name="releases"),
    path(
        "challenges/<slug:slug>/console/releases/<int:pk>/publish/",
        release_views.release_publish,
        name="release_publish",
    ),
    path("challenges/<slug:slug>/console/releases/<int:pk>/free/", release_views.release_free, name="release_free"),
    path("challenges/<slug:slug>/console/releases/<int:pk>/retry/", release_views.release_retry, name="release_retry"),
    path(
        "challenges/<slug:slug>/console/releases/<int:pk>/delete/",
        release_views.release_delete,
        name="release_delete",
    ),
]
