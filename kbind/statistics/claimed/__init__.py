"""Small counts that single claims about customers are checked with, each made in one statement of the engine."""

from kbind.statistics.claimed.customers import Referrals as Referrals
from kbind.statistics.claimed.customers import Share as Share
from kbind.statistics.claimed.customers import first_devices as first_devices
from kbind.statistics.claimed.customers import kept_for_a_year as kept_for_a_year
from kbind.statistics.claimed.customers import referrals_by_age as referrals_by_age
from kbind.statistics.claimed.orders import Paired as Paired
from kbind.statistics.claimed.orders import categories_by_day as categories_by_day
from kbind.statistics.claimed.orders import days_between as days_between
from kbind.statistics.claimed.orders import won_by_campaign as won_by_campaign
