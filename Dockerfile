# Relax, one image for both programs: `docker build -t REGISTRY/relax:TAG .`, then args `operator` or `connector`.
# Never built by a container engine so far: there is none where this repository was written. test/support/cluster/image.ts
# carries out what stands here, apart from FROM and npm, and `make cluster` runs the result; it knows no instruction that is
# not used here. No image is published, so image.repository of the chart has no default.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Of all scripts of packages only the one that puts Bun's binary, which came as a package of its own, in its place.
RUN npm ci --ignore-scripts && npm rebuild bun
COPY tsconfig.json ./
COPY scripts scripts
COPY core core
COPY connector connector
COPY operator operator
COPY cli cli
COPY slack-simulator slack-simulator
RUN /usr/local/bin/node scripts/build.ts

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production
# Bun runs the connector, Node the rest (ADR 0024). The bundles need no packages.
COPY --from=build /app/node_modules/bun/bin/bun.exe /usr/local/bin/bun
COPY --from=build /app/dist/bun dist/bun
COPY --from=build /app/dist/node dist/node
COPY --from=build /app/dist/LICENSES.txt ./
COPY bin bin
# The same user as in the chart, which also makes the root file system read-only; only /tmp is written to.
USER 65532:65532
EXPOSE 9464
ENTRYPOINT ["/app/bin/relax-image.sh"]
