"""The web room: the app, its guards, pages, the REST API and live events. Everything in it calls `gradus.services`."""
