"""The queries behind the page of patterns. Each is one statement with a bounded answer."""

# More than this would be a list nobody reads.
SHOWN = 20

# Different pictures of one finder that have the same bytes, or that the organisers found to be near-copies.
COPIES = """
WITH claim AS (
    SELECT claim.participation_id, pair.image_id,
           coalesce('group ' || pool.copy_group, nullif(image.sha256, '')) AS likeness
    FROM submissions_submission claim
    JOIN submissions_pair pair ON pair.id = claim.pair_id
    JOIN challenges_poolimage pool ON pool.challenge_id = pair.challenge_id AND pool.image_id = pair.image_id
    JOIN catalog_image image ON image.id = pair.image_id
    WHERE pair.challenge_id = %(challenge)s AND claim.retracted_at IS NULL
), alike AS (
    SELECT participation_id, likeness, count(DISTINCT image_id) AS pictures, count(*) AS claims,
           min(image_id) AS example
    FROM claim WHERE likeness IS NOT NULL GROUP BY participation_id, likeness HAVING count(DISTINCT image_id) > 1
)
SELECT participation_id, count(*), sum(pictures), sum(claims), max(pictures),
       (array_agg(example ORDER BY pictures DESC, example))[1]
FROM alike GROUP BY participation_id ORDER BY sum(pictures) DESC, participation_id LIMIT %(shown)s
"""

# Rationales in lower case with one space between words. Team-mates are one owner: they may share their words.
#
# The second column is the claim that said so first, by whose own words the text is shown.
#
# Two answers in one, for the texts are worth reading once: words of several owners, and words that one finder repeats.
WORDS = """
WITH told AS (
    SELECT claim.id, claim.participation_id, coalesce(claim.team_id, -claim.participation_id) AS owner,
           btrim(regexp_replace(lower(claim.rationale), '[^[:alnum:]]+', ' ', 'g')) AS words
    FROM submissions_submission claim JOIN challenges_participation finder ON finder.id = claim.participation_id
    WHERE finder.challenge_id = %(challenge)s AND claim.retracted_at IS NULL AND length(claim.rationale) >= %(least)s
), own AS MATERIALIZED (
    SELECT words, owner, participation_id, count(*) AS claims, min(id) AS first
    FROM told WHERE length(words) >= %(least)s GROUP BY words, owner, participation_id
)
(SELECT 'same', min(first), sum(claims)::bigint, array_agg(participation_id ORDER BY first)
 FROM own GROUP BY words HAVING count(DISTINCT owner) > 1
 ORDER BY count(DISTINCT owner) DESC, sum(claims) DESC, words LIMIT %(shown)s)
UNION ALL
(SELECT 'repeated', first, claims, ARRAY[participation_id] FROM own WHERE claims >= %(often)s
 ORDER BY claims DESC, participation_id, words LIMIT %(shown)s)
"""

# Pairs that two finders of different teams both claimed, the second within a day of the first, and whether the second
# went through them in the order of the first one's claims or of the pairs, which is that of the public queue, downwards
# or upwards: Spearman's rank correlation, the one of the two that is further from 0.
FOLLOWERS = """
WITH claim AS (
    SELECT claim.id, claim.pair_id, claim.participation_id, claim.charged, claim.created_at,
           coalesce(claim.team_id, -claim.participation_id) AS owner
    FROM submissions_submission claim JOIN challenges_participation finder ON finder.id = claim.participation_id
    WHERE finder.challenge_id = %(challenge)s AND claim.retracted_at IS NULL
), shared AS (
    SELECT lead.participation_id AS leader, follow.participation_id AS follower, lead.id AS lead_id, lead.pair_id,
           follow.id AS follow_id, extract(epoch FROM follow.created_at - lead.created_at) AS seconds
    FROM claim follow JOIN claim lead ON lead.pair_id = follow.pair_id AND lead.id < follow.id
    WHERE NOT follow.charged AND lead.owner <> follow.owner
      AND follow.created_at - lead.created_at < interval '1 day'
), placed AS (
    SELECT shared.*, row_number() OVER (PARTITION BY leader, follower ORDER BY lead_id) AS first_place,
           row_number() OVER (PARTITION BY leader, follower ORDER BY follow_id) AS second_place,
           row_number() OVER (PARTITION BY leader, follower ORDER BY pair_id) AS queue_place
    FROM shared
), likeness AS (
    SELECT leader, follower, count(*) AS pairs, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS delay,
           corr(first_place, second_place) AS by_claims, corr(queue_place, second_place) AS by_queue
    FROM placed GROUP BY leader, follower HAVING count(*) >= %(least)s
)
SELECT leader, follower, pairs, delay, CASE WHEN abs(by_claims) >= abs(by_queue) THEN by_claims ELSE by_queue END
FROM likeness WHERE greatest(abs(by_claims), abs(by_queue)) >= %(alike)s
ORDER BY pairs DESC, leader, follower LIMIT %(shown)s
"""

# A rater's answers to each finder's settled pairs, and to all: how many went against the machines, and how many were to
# be expected. Where `against` of `others` did, the chance is (against + 1/2) / (others + 1), the mean under Jeffreys'
# prior, so that three who agree are not taken for certainty. Others are those of the pair's tally without one's own
# answer: near enough where a pair has an answer more than its verdict took.
FAVOURS = """
WITH answer AS (
    SELECT claim.participation_id AS finder, rating.rater_id AS rater, said.against,
           (least(greatest(0, said.tally - said.against), said.others) + 0.5::float) / (said.others + 1) AS chance
    FROM review_rating rating
    JOIN submissions_pair pair ON pair.id = rating.pair_id
    JOIN submissions_submission claim ON claim.pair_id = pair.id AND claim.charged AND claim.retracted_at IS NULL
    CROSS JOIN LATERAL (
        SELECT (rating.answer = CASE WHEN pair.machine_yes THEN 'no' ELSE 'yes' END)::int AS against,
               CASE WHEN pair.machine_yes THEN pair.no_ratings ELSE pair.yes_ratings END AS tally,
               greatest(0, pair.yes_ratings + pair.no_ratings + pair.dont_know_ratings - 1) AS others
    ) said
    WHERE pair.challenge_id = %(challenge)s AND pair.state = 'settled' AND pair.tally_source = 'ratings'
      AND rating.state = 'final'
)
SELECT rater, finder, count(*), sum(against), sum(chance), sum(chance * (1 - chance))
FROM answer GROUP BY GROUPING SETS ((rater, finder), (rater)) HAVING count(*) >= %(least)s
"""
