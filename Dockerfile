# Relax, one image for both programs: `docker build -t REGISTRY/relax:TAG .`, then args `operator` or `connector`.
# Never built by a container engine so far: there is none where this repository was written. test/support/cluster/image.ts
# carries out what stands here, apart from FROM and npm, and `make cluster` runs the result; it knows no instruction that is
# not used here. No image is published, so image.repository of the chart has no default.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without scripts: they only fetch the Node and Bun binaries that tests on older machines need.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY core core
COPY connector connector
COPY operator operator
COPY cli cli
COPY slack-simulator slack-simulator
RUN /usr/local/bin/node scripts/build.ts && npm prune --omit=dev --ignore-scripts

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY bin bin
# The same user as in the chart, which also makes the root file system read-only; only /tmp is written to.
USER 65532:65532
EXPOSE 9464
ENTRYPOINT ["node", "/app/bin/relax.mjs"]
