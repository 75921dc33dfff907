"""Packaging of the helpdesk gateway: three packages, their templates, one command."""

from setuptools import setup

setup(
    name="helpdesk-gateway",
    version="0.1.0",
    description="The support desk that lives in the mailbox: mail in, tickets, answers out by mail.",
    license="MIT",
    python_requires=">=3.11",
    packages=["gateway", "gateway.migrations", "gateway.migrations.versions", "mail", "api", "templates"],
    package_data={"templates": ["mail/*/*.txt"]},
    install_requires=[
        "aiohttp>=3.14.3",
        "aioimaplib>=2.0.3",
        "aiosmtpd>=1.4.6,<1.5",
        "aiosmtplib>=5.1.3",
        "aiosqlite>=0.22.1",
        "alembic>=1.20.1",
        "argon2-cffi>=25.1.0",
        "asyncpg>=0.32.0",
        "chardet>=7.7.0",
        "flufl.bounce>=6.0.0",
        "jinja2>=3.1.6",
        "libpass>=1.9.4",
        "msgspec>=0.22.0",
        "pyjwt>=2.15.1",
        "python-dotenv>=1.2.4",
        "selectolax>=1.0.2",
        "sqlalchemy[asyncio]>=2.1.9",
        "zxcvbn>=4.5.0",
    ],
    extras_require={
        "test": [
            "hypothesis>=6.170",
            "mypy>=2.4.1",
            "pytest>=9.2.0",
            "pytest-aiohttp>=1.1.1",
            "pytest-asyncio>=1.5.0",
            "pytest-timeout>=2.4.0",
            "pytest-xdist>=3.8.0",
            "ruff>=0.17.6",
            "schemathesis>=4.32.5",
        ],
    },
    entry_points={"console_scripts": ["helpdesk = gateway.__main__:main"]},
)
