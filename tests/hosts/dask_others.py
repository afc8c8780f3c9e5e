"""examples/python/over_dask.py in an account where others have made payments before.

    dask_others.py STRIPE.WASM ORIGIN [PAYMENTS]
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "python"))
from over_dask import main, stripe  # noqa: E402

if __name__ == "__main__":
    os.environ.setdefault("STRIPE_SECRET_KEY", "sk_test_dask_4242")
    paid = {"amount": 100, "currency": "eur", "confirm": True, "payment_method": "pm_card_visa"}
    for metadata in [{}, {"order": "another shop's"}]:
        stripe(*sys.argv[1:3]).request("paymentIntents", "create", [{**paid, "metadata": metadata}])
    sys.exit(main())
